import COpenSSL

/// Whether the primes of an RSA key are so near to each other that the modulus can be factored, as those that some printers
/// made were (CVE-2022-26320).
enum ClosePrimes {
  /// How many sums of two primes are tried, from the smallest on. Each costs a few microseconds.
  private static let tries = 4

  /// Whether a modulus is the product of two odd numbers that Fermat's way finds at once: half their sum, squared, less the
  /// modulus is a square. So it is for equal ones, and for n = pq with |p − q| up to about 5 n^(1/4).
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

  /// `OSSL_PKEY_PARAM_RSA_FACTOR`. Swift can't read the macros that are made of it.
  private static let factor = "rsa-factor"

  /// Whether the primes of a private key are closer than FIPS 186-4, appendix B.3.1, allows: the first 100 bits are the same.
  /// Sees what ``compose(_:)`` would have to try for long. False for a key that doesn't name its primes.
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
