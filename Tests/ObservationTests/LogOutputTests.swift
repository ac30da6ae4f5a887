import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Observation

@Suite struct LogOutputTests {
  private func logger(_ descriptor: Int32) -> Logger {
    let output = LogOutput(descriptor)
    return Logger(label: "test") { LineLogHandler(label: $0, output: output) }
  }

  /// Reads all that a descriptor has now.
  private func drain(_ descriptor: Int32) -> String {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = read(descriptor, &chunk, chunk.count), count > 0 { text += chunk[..<count] }
    return String(decoding: text, as: UTF8.self)
  }

  /// A pipe, and a socket as systemd has it.
  @Test(arguments: [true, false])
  func aReaderThatStopsHoldsUpNobodyAndIsToldWhatItMissed(_ isPipe: Bool) throws {
    var ends: [Int32] = [0, 0]
    #expect((isPipe ? pipe(&ends) : socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)) == 0)
    defer { for end in ends { close(end) } }
    let logger = logger(ends[1])
    let written = 20_000
    for number in 0..<written { logger.notice("line", metadata: ["number": "\(number)"]) }
    // Told as soon as there is room, although nothing more is logged.
    var text = ""
    #expect(
      eventually {
        text += drain(ends[0])
        return text.contains("log lines dropped")
      })
    let lines = text.split(separator: "\n")
    let dropped = lines.compactMap { line in
      line.range(of: "log lines dropped count=").flatMap { Int(line[$0.upperBound...]) }
    }
    let whole = lines.filter { $0.contains(" notice test: line number=") }
    #expect(whole.count + dropped.reduce(0, +) == written)
    #expect(whole.count + dropped.count == lines.count)
    #expect(dropped.reduce(0, +) > 0)
  }

  @Test func aFullDiskLosesLinesAndNothingElse() throws {
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    defer { close(full) }
    let logger = logger(full)
    for _ in 0..<100 { logger.error("line") }
  }

  @Test func whatOthersDoWithThePipeIsLeftAlone() throws {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    logger(ends[1]).notice("line")
    #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
    #expect(drain(ends[0]).hasSuffix(" notice test: line\n"))
  }
}
