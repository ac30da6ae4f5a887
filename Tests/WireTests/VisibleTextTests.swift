import Testing
import Wire

@Suite struct VisibleTextTests {
  @Test(arguments: [
    ("plain, grün, 漢字, \"quoted\" \\", "plain, grün, 漢字, \"quoted\" \\"), ("a\nb\tc", #"a\nb\tc"#),
    ("\u{0}\u{1b}[2J\u{7f}\r", #"\u{0}\u{1b}[2J\u{7f}\u{d}"#), ("\u{85}\u{9b}31m", #"\u{85}\u{9b}31m"#),
    ("\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{ad}", #"\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{ad}"#),
    // Hangul fillers, variation selectors and tags show nothing, whatever their category.
    ("\u{115f}\u{3164}\u{fe0f}\u{e0041}\u{e000}", #"\u{115f}\u{3164}\u{fe0f}\u{e0041}\u{e000}"#),
  ])
  func whatIsNotVisibleIsEscaped(_ text: String, _ shown: String) {
    #expect(VisibleText.escaped(text) == shown)
    #expect(VisibleText.escaped(shown) == shown)
  }

  @Test func jsonKeepsItsMeaning() throws {
    let text = "\u{9b}\u{202e}\u{e0041}é\u{7f}"
    var object = JSONObjectWriter()
    object.add("key", text)
    let shown = VisibleText.escaped(json: String(decoding: object.finish(), as: UTF8.self))
    #expect(shown == #"{"key":"\u009b\u202e\udb40\udc41é\u007f"}"#)
    #expect(try JSONObject(parsing: Array(shown.utf8))["key"]?.string == text)
  }
}
