import Testing

@testable import Wire

@Suite struct JSONTests {
  private func parse(_ text: String) throws -> JSONObject { try JSONObject(parsing: Array(text.utf8)) }

  @Test func readsEveryKindOfValue() throws {
    let object = try parse(
      #" { "text" : "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" , "whole":-12, "part":1.5e2, "yes":true, "none":null, "list":[1,[]], "inner":{"a":"b"} } "#
    )
    #expect(object["text"]?.string == "a\"\\/\u{8}\u{c}\n\r\té😀")
    #expect(object["whole"]?.integer == -12)
    #expect(object["part"]?.integer == nil)
    #expect(object["part"]?.double == 150)
    #expect(object["none"]?.isNull == true)
    #expect(object["inner"]?.object?["a"]?.string == "b")
    #expect(object["absent"] == nil)
  }

  @Test(arguments: [
    #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"a":1,}"#, #"{"a":[1,]}"#, #"{"a":1} x"#, #"{"a":1}{}"#,
    "\u{feff}{}", "", "{", #"{"a""#, #"{"a":"#, #"{'a':1}"#, #"{a:1}"#, #"{"a":01}"#, #"{"a":+1}"#,
    #"{"a":1.}"#,
    #"{"a":.5}"#, #"{"a":1e}"#, #"{"a":NaN}"#, #"{"a":1e999}"#, #"{"a":"\x"}"#, #"{"a":"\ud800"}"#,
    #"{"a":"\ud800\u0041"}"#, #"{"a":"\u0xab"}"#, "{\"a\":\"\u{1}\"}", "{\"a\":\"\n\"}", #"{"a":tru}"#,
    "// x\n{}", "[]", "\"a\"", "null",
  ])
  func refusesWhatReadersDifferOn(_ text: String) {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test func refusesInvalidUTF8AndUTF16() {
    let overlong: [UInt8] = Array(#"{"a":""#.utf8) + [0xc0, 0xaf] + Array(#""}"#.utf8)
    #expect(throws: JSONError.self) { try JSONObject(parsing: overlong) }
    let wide = "{}".utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
    #expect(throws: JSONError.self) { try JSONObject(parsing: wide) }
  }

  @Test func refusesDeepNestingInsteadOfOverflowing() {
    let deep = #"{"a":"# + String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try parse(deep) }
  }

  @Test func tellsCanonicallyEquivalentNamesApart() throws {
    // The Kelvin sign equals K for String's ==.
    let object = try parse("{\"\u{212a}\":1,\"K\":2}")
    #expect(object["K"]?.integer == 2)
  }

  @Test func writesWhatItReads() throws {
    var writer = JSONObjectWriter()
    writer.add("a\"b", "c\\d\u{1}\n😀")
    writer.add("n", 5)
    writer.add("d", 1.5)
    writer.add("t", true)
    let object = try JSONObject(parsing: writer.finish())
    #expect(object["a\"b"]?.string == "c\\d\u{1}\n😀")
    #expect(object["n"]?.integer == 5)
    #expect(object["d"]?.double == 1.5)
  }

  /// Wherever it stands in a text of whatever length: texts are looked over several bytes at a time.
  @Test func whatMustBeEscapedIsEscapedEverywhere() throws {
    for length in 1...33 {
      for position in 0..<length {
        for scalar in [
          "\"", "\\", "\u{0}", "\n", "\u{1f}", " ", "!", "#", "[", "]", "\u{7f}", "é", "\u{10ffff}",
        ] {
          let text =
            String(repeating: "x", count: position) + scalar
            + String(repeating: "~", count: length - position - 1)
          var bytes: [UInt8] = []
          bytes.appendJSON(text)
          #expect(try JSONValue(parsing: bytes).string == text, "\(text.debugDescription)")
        }
      }
    }
  }
}
