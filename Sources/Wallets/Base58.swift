/// Base58 with Bitcoin's alphabet, which has no 0, O, I and l. draft-msporny-base58-03.
enum Base58 {
  private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
  private static let keySize = 32

  /// Decodes a text of exactly 32 bytes. Each leading 1 stands for a zero byte, so each key has one spelling.
  static func decodeKey(_ text: String) -> [UInt8]? {
    // The work grows with the square of the length. No key has more digits.
    guard (keySize...44).contains(text.utf8.count) else { return nil }
    var key: [UInt8] = []
    for digit in text.utf8.drop(while: { $0 == alphabet[0] }) {
      guard var carry = alphabet.firstIndex(of: digit) else { return nil }
      // Little-endian, so that it grows at its end.
      for index in key.indices {
        carry += Int(key[index]) * 58
        key[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { key.append(UInt8(carry)) }
    }
    let zeros = text.utf8.prefix { $0 == alphabet[0] }.count
    guard key.count + zeros == keySize else { return nil }
    return [UInt8](repeating: 0, count: zeros) + key.reversed()
  }

  static func encode(_ bytes: [UInt8]) -> String {
    var digits: [UInt8] = []
    for byte in bytes.drop(while: { $0 == 0 }) {
      var carry = Int(byte)
      for index in digits.indices {
        carry += Int(digits[index]) << 8
        digits[index] = UInt8(carry % 58)
        carry /= 58
      }
      while carry > 0 {
        digits.append(UInt8(carry % 58))
        carry /= 58
      }
    }
    let zeros = repeatElement(alphabet[0], count: bytes.prefix { $0 == 0 }.count)
    return String(decoding: zeros + digits.reversed().map { alphabet[Int($0)] }, as: UTF8.self)
  }
}
