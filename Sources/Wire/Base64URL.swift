/// base64url without padding. RFC 7515, section 2; RFC 4648, section 5. Only the canonical form is decoded.
public enum Base64URL {
  private static let alphabet: [UInt8] = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  /// Encodes bytes: four digits for three bytes, without padding.
  public static func encode(_ bytes: [UInt8]) -> [UInt8] {
    let length = (bytes.count * 4 + 2) / 3
    return [UInt8](unsafeUninitializedCapacity: length) { text, count in
      bytes.withUnsafeBufferPointer { bytes in
        alphabet.withUnsafeBufferPointer { digits in
          func put(_ group: UInt32, _ digitCount: Int) {
            for digit in 0..<digitCount {
              text[count + digit] = digits[Int(group >> UInt32(18 - 6 * digit) & 63)]
            }
            count += digitCount
          }
          var index = 0
          while index + 2 < bytes.count {
            put(UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]), 4)
            index += 3
          }
          switch bytes.count - index {
          case 1: put(UInt32(bytes[index]) << 16, 2)
          case 2: put(UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8, 3)
          default: break
          }
        }
      }
    }
  }

  /// Decodes a text. No two texts decode to the same bytes.
  /// - Returns: nil for padding, white space, a character outside of the alphabet, an impossible length, or trailing
  ///   bits that aren't zero (RFC 4648, section 3.5).
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    // By pointer: code that is generic across modules is many times slower.
    if let bytes = text.withContiguousStorageIfAvailable(decode(_:)) { return bytes }
    return Array(text).withUnsafeBufferPointer(decode(_:))
  }

  private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard text.count % 4 != 1 else { return nil }
    var isValid = true
    let decoded = [UInt8](unsafeUninitializedCapacity: text.count * 3 / 4) { bytes, count in
      values.withUnsafeBufferPointer { values in
        var group: UInt32 = 0
        var bits: UInt32 = 0
        for digit in text {
          let value = values[Int(digit)]
          guard value < 64 else {
            isValid = false
            return
          }
          group = group << 6 | UInt32(value)
          bits += 6
          if bits >= 8 {
            bits -= 8
            bytes[count] = UInt8(truncatingIfNeeded: group >> bits)
            count += 1
          }
        }
        isValid = group & (1 << bits - 1) == 0
      }
    }
    return isValid ? decoded : nil
  }
}
