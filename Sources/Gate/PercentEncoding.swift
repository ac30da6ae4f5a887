/// Percent-encodes the values of identity headers. RFC 3986, section 2.1.
enum PercentEncoding {
  /// Encodes every byte that isn't visible ASCII, and the percent sign. Two different texts stay different. No text
  /// can end its field or, where spaces separate entries, become two entries.
  /// - Parameter commas: whether commas are encoded too, for a header that some applications read as a list.
  static func encode(_ text: String, commas: Bool = false) -> String {
    var bytes = text
    let comma: UInt8 = commas ? UInt8(ascii: ",") : 0
    let isPlain = bytes.withUTF8 { bytes in bytes.allSatisfy { Self.isPlain($0) && $0 != comma } }
    if isPlain { return text }
    var encoded = ""
    for byte in text.utf8 {
      if Self.isPlain(byte) && byte != comma {
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
