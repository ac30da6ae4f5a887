import Wire

/// The value of an Authorization field: one bearer token. RFC 6750, section 2.1.
enum BearerField {
  /// The token; nil for anything else, such as two fields that a web server joined.
  static func token(_ field: String) -> String? {
    let parts = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].lowercased() == "bearer", isToken(parts[1]) else { return nil }
    return String(parts[1])
  }

  /// Whether a text is of the characters that tokens have: b64token.
  static func isToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isTokenCharacter)
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~+/=".utf8.contains(byte)
    }
  }
}
