/// Percent-encoding of what stands in an identity header. RFC 3986, section 2.1.
enum PercentEncoding {
  /// A text with everything encoded that isn't visible ASCII, and the percent sign with it, so that no two names become
  /// one and no name becomes two fields.
  /// - Parameter other: characters that are encoded as well.
  static func encode(_ text: String, besides other: String = "") -> String {
    var bytes = text
    let isPlain = bytes.withUTF8 { bytes in
      bytes.allSatisfy { Self.isPlain($0) && (other.isEmpty || !other.utf8.contains($0)) }
    }
    if isPlain { return text }
    var encoded = ""
    for byte in text.utf8 {
      if Self.isPlain(byte) && !other.utf8.contains(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded += byte < 16 ? "%0" : "%"
        encoded += String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "%")
  }
}
