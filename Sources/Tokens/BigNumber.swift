import COpenSSL

/// A whole number of any size. `BN_new(3)`. Threads must not share one.
final class BigNumber {
  private let number: OpaquePointer

  private init(owning number: OpaquePointer) { self.number = number }

  /// - Parameter bytes: big-endian.
  convenience init(_ bytes: [UInt8]) { self.init(owning: BN_bin2bn(bytes, Int32(bytes.count), nil)) }

  /// A number of a key; nil if the key has no number of that name. `EVP_PKEY_get_bn_param(3)`.
  convenience init?(_ name: String, of key: OpaquePointer) {
    var number: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { return nil }
    self.init(owning: number)
  }

  // A number of a private key must not stay in memory.
  deinit { BN_clear_free(number) }

  /// The number of bits, without the sign.
  var bits: Int { Int(BN_num_bits(number)) }
  var isZero: Bool { BN_is_zero(number) == 1 }

  /// Big-endian, without leading zeros.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (bits + 7) / 8)
    BN_bn2bin(number, &bytes)
    return bytes
  }

  /// The remainder of a division by a word.
  func remainder(_ divisor: UInt) -> UInt { UInt(BN_mod_word(number, divisor)) }

  func add(_ word: UInt) { BN_add_word(number, word) }

  func squared() -> BigNumber {
    let context = BN_CTX_new()
    defer { BN_CTX_free(context) }
    let square = BigNumber([])
    BN_sqr(square.number, number, context)
    return square
  }

  static func - (left: BigNumber, right: BigNumber) -> BigNumber {
    let difference = BigNumber([])
    BN_sub(difference.number, left.number, right.number)
    return difference
  }

  /// Whether the number is the square of a whole number.
  var isSquare: Bool {
    // One number in twenty passes this.
    let remainder = remainder(64 * 63)
    guard Self.squaresModulo64 >> (remainder % 64) & 1 == 1, Self.squaresModulo63 >> (remainder % 63) & 1 == 1
    else {
      return false
    }
    return (squareRoot().squared() - self).isZero
  }

  /// A bit for each remainder that squares leave.
  private static let squaresModulo64 = squares(modulo: 64)
  private static let squaresModulo63 = squares(modulo: 63)

  private static func squares(modulo modulus: UInt) -> UInt64 {
    (0..<modulus).reduce(0) { $0 | 1 << ($1 * $1 % modulus) }
  }

  /// The integer square root, by Newton's method, which doubles the correct digits with each step.
  func squareRoot() -> BigNumber {
    let context = BN_CTX_new()
    defer { BN_CTX_free(context) }
    var root = BigNumber([])
    BN_set_bit(root.number, Int32((bits + 1) / 2))
    while true {
      let next = BigNumber([])
      BN_div(next.number, nil, number, root.number, context)
      BN_add(next.number, next.number, root.number)
      BN_rshift1(next.number, next.number)
      if BN_cmp(next.number, root.number) >= 0 { return root }
      root = next
    }
  }
}
