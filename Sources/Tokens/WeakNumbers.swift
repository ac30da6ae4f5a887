extension PublicNumbers {
  /// What makes a key of these numbers one that others can sign with; nil where nothing shows.
  var fault: String? {
    // With 1 a signature is the padded digest itself; no even number has an inverse. RFC 8017, section 3.1.
    guard let last = exponent.last, last & 1 == 1, exponent.count > 1 || last >= 3 else {
      return "an RSA key whose public exponent is even or below 3: make another"
    }
    guard let last = modulus.last, last & 1 == 1 else {
      return "an RSA key whose modulus is even: make another"
    }
    if isInfineon { return "an RSA key that can be factored (ROCA, CVE-2017-15361): make another elsewhere" }
    return nil
  }

  /// Whether the modulus is as Infineon's RSALib made them, until 2017, in smart cards and TPMs: its primes are powers of
  /// 65537 modulo the product of the first primes, and so is their product. Of other moduli one in 2^27 is.
  private var isInfineon: Bool {
    Self.smallPrimes.allSatisfy { prime in
      let remainder = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
      var power = 1
      repeat {
        if power == remainder { return true }
        power = power * 65537 % prime
      } while power != 1
      return false
    }
  }

  /// From 3 to 167.
  private static let smallPrimes = (3...167).filter { number in
    (2..<number).allSatisfy { number % $0 != 0 }
  }
}
