import Wire

/// Reads the value of an Authorization field with one bearer token. RFC 6750, section 2.1.
enum BearerHeader {
  /// The token; nil if the value is anything else, such as two fields that a web server joined.
  static func token(_ field: String) -> String? {
    let parts = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].lowercased() == "bearer", isToken(parts[1]) else { return nil }
    return String(parts[1])
  }

  /// Whether a text isn't empty and consists of the characters of `b64token`. RFC 6750, section 2.1.
  static func isToken(_ text: Substring) -> Bool {
    var text = text
    return !text.isEmpty
      && text.withUTF8 { bytes in
        characters.withUnsafeBufferPointer { characters in bytes.allSatisfy { characters[Int($0)] } }
      }
  }

  private static let characters: [Bool] = {
    var characters = [Bool](repeating: false, count: 256)
    for byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=".utf8 {
      characters[Int(byte)] = true
    }
    return characters
  }()
}
