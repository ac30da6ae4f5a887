import Crypto

/// A token identifier in 16 bytes. An identifier that pico-auth made is 32 lower-case hex digits and stands
/// for itself. Any other is represented by the first 16 bytes of its SHA-256.
struct TokenIDHash: Hashable, Comparable {
  let high: UInt64
  let low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  static func < (one: TokenIDHash, other: TokenIDHash) -> Bool {
    one.high == other.high ? one.low < other.low : one.high < other.high
  }

  init(_ tokenID: String) {
    let bytes = Array(tokenID.utf8)
    if bytes.count == 32, let high = Self.number(bytes[..<16]), let low = Self.number(bytes[16...]) {
      self.high = high
      self.low = low
    } else {
      let hash = Array(SHA256.hash(data: bytes))
      high = hash[..<8].reduce(0) { $0 << 8 | UInt64($1) }
      low = hash[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// Reads 32 lower-case hex digits and the quote after them. Nil if the text is something else.
  init?(digits text: ArraySlice<UInt8>) {
    guard text.count > 32, text[text.startIndex + 32] == UInt8(ascii: "\""),
      let high = Self.number(text.prefix(16)), let low = Self.number(text.dropFirst(16).prefix(16))
    else { return nil }
    self.high = high
    self.low = low
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    var number: UInt64 = 0
    for digit in digits {
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(digit - 0x30)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(digit - 0x57)
      default: return nil
      }
    }
    return number
  }
}
