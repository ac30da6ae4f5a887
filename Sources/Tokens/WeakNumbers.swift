extension PublicNumbers {
  /// What makes a key of these numbers one that others can sign with; nil where nothing shows.
  var fault: String? {
    // No even number has an inverse. RFC 8017, section 3.1.
    guard let last = exponent.last, last & 1 == 1, exponent.count > 1 || last >= 3 else {
      return "an RSA key whose public exponent is even or below 3: make another"
    }
    // With 1, and with 1 more than a multiple of the order of the group, a signature is the padded digest itself. Nobody can
    // tell such an exponent from another long one.
    guard bits(of: exponent) <= Self.longestExponent else {
      return "an RSA key whose public exponent is longer than \(Self.longestExponent) bits: make another"
    }
    guard let last = modulus.last, last & 1 == 1 else {
      return "an RSA key whose modulus is even: make another"
    }
    if let prime = smallFactor { return "an RSA key whose modulus is a multiple of \(prime): make another" }
    if isInfineon { return "an RSA key that can be factored (ROCA, CVE-2017-15361): make another elsewhere" }
    if ClosePrimes.compose(modulus) { return Self.closePrimes }
    return nil
  }

  /// For a modulus whose two primes are equal, or so near to each other that Fermat's way finds them.
  static let closePrimes =
    "an RSA key that can be factored (its primes are close, CVE-2022-26320): make another elsewhere"

  /// As BoringSSL has it, `rsa_check_public_key`. Bits.
  private static let longestExponent = 33

  private func bits(of number: [UInt8]) -> Int {
    number.count * 8 - (number.first?.leadingZeroBitCount ?? 0)
  }

  /// A prime up to 751 that divides the modulus. As OpenSSL has it, `ossl_rsa_sp800_56b_check_public`.
  private var smallFactor: Int? {
    let number = BigNumber(modulus)
    // The long number is divided by products of primes that fit into a word, and what remains by each of them.
    var first = 0
    while first < Self.smallPrimes.count {
      var end = first
      var product: UInt = 1
      while end < Self.smallPrimes.count {
        let (next, overflow) = product.multipliedReportingOverflow(by: UInt(Self.smallPrimes[end]))
        if overflow { break }
        product = next
        end += 1
      }
      let remainder = number.remainder(product)
      for prime in Self.smallPrimes[first..<end] where remainder % UInt(prime) == 0 { return prime }
      first = end
    }
    return nil
  }

  /// Whether the modulus is as Infineon's RSALib made them, until 2017, in smart cards and TPMs: its primes are powers of
  /// 65537 modulo the product of the first primes, and so is their product. Of other moduli one in 2^27 is.
  private var isInfineon: Bool {
    Self.smallPrimes.prefix { $0 <= 167 }.allSatisfy { prime in
      let remainder = modulus.reduce(0) { ($0 << 8 | Int($1)) % prime }
      var power = 1
      repeat {
        if power == remainder { return true }
        power = power * 65537 % prime
      } while power != 1
      return false
    }
  }

  /// From 3 to 751. In plain loops, as every CGI request pays for it.
  private static let smallPrimes = {
    var primes: [Int] = []
    var number = 3
    while number <= 751 {
      var divisor = 3
      while divisor * divisor <= number && number % divisor != 0 { divisor += 2 }
      if divisor * divisor > number { primes.append(number) }
      number += 2
    }
    return primes
  }()
}
