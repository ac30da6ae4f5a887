import Logging
import Testing

@testable import Observation

@Suite struct LogLineTests {
  private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> String {
    let bytes = LogLine(time: 0, level: .notice, label: "pico-auth", message: message, metadata: metadata)
      .bytes
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func aLineIsTimeLevelMessageAndValues() {
    let text = line("refused", ["route": "/login", "client": "192.0.2.7", "status": "401"])
    #expect(text.hasSuffix(" notice pico-auth: refused client=192.0.2.7 route=/login status=401\n"))
    #expect(text.prefix(19).allSatisfy { "0123456789-T:".contains($0) })
  }

  @Test(arguments: [
    ("two words", #""two words""#), ("", #""""#), ("a=b", #""a=b""#), (#"say "x""#, #""say \"x\"""#),
    (#"back\slash"#, #""back\\slash""#), ("grün", #""grün""#),
    // What would end the line, or rewrite a terminal's.
    (
      "x\n1970 notice pico-auth: refused client=10.0.0.1",
      #""x\n1970 notice pico-auth: refused client=10.0.0.1""#
    ),
    ("\u{1b}[2J", #""\u{1b}[2J""#), ("\u{0}\u{7f}\u{9b}", #""\u{0}\u{7f}\u{9b}""#), ("\r", #""\u{d}""#),
    ("\u{202e}evil", #""\u{202e}evil""#), ("\u{2028}\u{2066}\u{200b}", #""\u{2028}\u{2066}\u{200b}""#),
  ])
  func aValueCannotLeaveItsPlace(_ value: String, _ shown: String) {
    #expect(line("m", ["key": "\(value)"]).hasSuffix(": m key=\(shown)\n"))
  }

  @Test func aMessageAndAKeyCannotEither() {
    let text = line("a\nb\u{1b}", ["k\ney": "v"])
    #expect(text.hasSuffix(#": a\nb\u{1b} k\ney=v"# + "\n"))
  }

  @Test func aLineFitsIntoAPipeAtOnce() {
    let text = line("m", ["key": "\(String(repeating: "x", count: 10_000))"])
    #expect(text.utf8.count == LogLine.maximumSize)
    #expect(text.hasSuffix("x...\n"))
  }
}
