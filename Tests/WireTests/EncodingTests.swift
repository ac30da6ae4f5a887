import Testing

@testable import Wire

@Suite struct EncodingTests {
  // RFC 4648, section 10, in the alphabet of section 5 without padding.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
    ("foobar", "Zm9vYmFy"),
  ])
  func base64urlBothWays(_ plain: String, _ encoded: String) {
    #expect(Base64URL.encode(Array(plain.utf8)) == Array(encoded.utf8))
    #expect(Base64URL.decode(Array(encoded.utf8)) == Array(plain.utf8))
  }

  @Test(arguments: ["Zg==", "Zh", "Zm9", "Z", "Zm9v\n", "Zm 9v", "Zm+v", "Zm/v", "Zm9vY"])
  func base64urlHasOneSpelling(_ text: String) {
    #expect(Base64URL.decode(Array(text.utf8)) == nil)
  }

  @Test func base64urlUsesItsOwnAlphabet() {
    #expect(Base64URL.encode([0xfb, 0xff]) == Array("-_8".utf8))
  }

  @Test func hexTakesEitherCaseAndAPrefix() {
    #expect(Hex.decode("0xAbcD") == [0xab, 0xcd])
    #expect(Hex.decode("") == [])
    #expect(Hex.encode([0x00, 0xff, 0x1a]) == "00ff1a")
    #expect(Hex.normalized("0XABcd") == "abcd")
  }

  @Test(arguments: ["a", "0x0", "zz", "0x0x00", " 00", "00 ", "+1", "１１"])
  func hexRefusesTheRest(_ text: String) {
    #expect(Hex.decode(text) == nil)
  }

  @Test func bytesAreComparedAsBytes() {
    #expect("\u{212a}" == "K")
    #expect(!"\u{212a}".hasSameBytes(as: "K"))
    #expect(equalInConstantTime([1, 2], [1, 2]))
    #expect(!equalInConstantTime([1, 2], [1, 3]))
    #expect(!equalInConstantTime([1], [1, 2]))
  }
}
