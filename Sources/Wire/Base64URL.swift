/// base64url without padding, RFC 7515 section 2; read in its one canonical form only.
public enum Base64URL {
  private static let alphabet: [UInt8] = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
    return values
  }()

  /// Four digits for each three bytes, no padding.
  public static func encode(_ bytes: [UInt8]) -> [UInt8] {
    let digits = alphabet
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var index = 0
    while index + 2 < bytes.count {
      let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
      text.append(digits[Int(group >> 18)])
      text.append(digits[Int(group >> 12 & 63)])
      text.append(digits[Int(group >> 6 & 63)])
      text.append(digits[Int(group & 63)])
      index += 3
    }
    switch bytes.count - index {
    case 1:
      text.append(digits[Int(bytes[index] >> 2)])
      text.append(digits[Int(bytes[index] << 4 & 63)])
    case 2:
      text.append(digits[Int(bytes[index] >> 2)])
      text.append(digits[Int(bytes[index] << 4 & 63 | bytes[index + 1] >> 4)])
      text.append(digits[Int(bytes[index + 1] << 2 & 63)])
    default: break
    }
    return text
  }

  /// The bytes behind the text; nil for padding, white space, a foreign letter, an impossible length, or
  /// bits set behind the last byte, so that no two texts stand for the same bytes.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    // By pointer, as generic code of another module is many times slower.
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
