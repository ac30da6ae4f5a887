import COpenSSL

/// Checks whether the primes of an RSA key are so close that anybody can factor the modulus. Some printers made such keys
/// (CVE-2022-26320).
enum ClosePrimes {
  /// How many steps of Fermat's method are tried. Each takes a few microseconds.
  private static let tries = 4

  /// Whether Fermat's method factors a modulus at once: the square of half the sum of the factors, less the modulus, is a square.
  /// This holds for equal factors, and for n = pq with |p − q| up to about 5 n^(1/4).
  /// - Parameter modulus: big-endian, odd.
  static func compose(_ modulus: [UInt8]) -> Bool {
    let modulus = BigNumber(modulus)
    let half = modulus.squareRoot()
    let difference = half.squared() - modulus
    if difference.isZero { return true }
    for _ in 0..<tries {
      half.add(1)
      if (half.squared() - modulus).isSquare { return true }
    }
    return false
  }

  /// `OSSL_PKEY_PARAM_RSA_FACTOR`. Swift can't import the macros that OpenSSL builds from it.
  private static let factor = "rsa-factor"

  /// Whether the primes of a private key are closer than FIPS 186-4, appendix B.3.1, allows: the first 100 bits are the same.
  /// This finds keys that ``compose(_:)`` would need too many steps for. False for a key without its primes.
  static func areOf(_ key: OpaquePointer) -> Bool {
    guard let first = BigNumber(factor + "1", of: key),
      let second = BigNumber(factor + "2", of: key)
    else {
      ERR_clear_error()
      return false
    }
    return (first - second).bits <= max(first.bits, second.bits) - 100
  }
}
