/// Hexadecimal. RFC 4648, section 8.
public enum Hex {
  /// Encodes bytes: two lower-case digits for each byte.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    // By pointer: code that is generic across modules is many times slower.
    bytes.withContiguousStorageIfAvailable(encode(_:)) ?? Array(bytes).withUnsafeBufferPointer(encode(_:))
  }

  private static func encode(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
      var index = 0
      for byte in bytes {
        buffer[index] = digit(byte >> 4)
        buffer[index + 1] = digit(byte & 15)
        index += 2
      }
      return index
    }
  }

  /// Decodes digits of either case, with or without the prefix `0x`.
  /// - Returns: nil for anything else and for an odd number of digits.
  public static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { (utf8) -> [UInt8]? in
      let digits = utf8[(hasPrefix(utf8) ? 2 : 0)...]
      guard digits.count.isMultiple(of: 2) else { return nil }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(digits.count / 2)
      var index = digits.startIndex
      while index < digits.endIndex {
        guard let high = value(digits[index]), let low = value(digits[index + 1]) else {
          return nil
        }
        bytes.append(high << 4 | low)
        index += 2
      }
      return bytes
    }
  }

  /// The digits in lower case, without the prefix `0x`: an address has one spelling, whatever the client sent.
  /// Doesn't check that they are digits.
  public static func normalized(_ text: String) -> String {
    var text = text
    return text.withUTF8 { utf8 in
      let text = UnsafeBufferPointer(rebasing: utf8[(hasPrefix(utf8) ? 2 : 0)...])
      guard text.contains(where: { $0 &- 0x41 < 26 }) else { return String(decoding: text, as: UTF8.self) }
      return String(decoding: text.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
  }

  private static func hasPrefix(_ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    utf8.count >= 2 && utf8[0] == UInt8(ascii: "0") && utf8[1] | 0x20 == UInt8(ascii: "x")
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
