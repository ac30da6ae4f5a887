import COpenSSL
import Crypto

/// The subgroup of Curve25519 that Ed25519's base point generates. It has the prime order L, and the curve has 8·L
/// points. A key outside of it is a proper key plus a point of small order. Whoever has its private key can make up to
/// eight such keys, and signatures that verify with them. RFC 8032, section 5.1.
///
/// The point P is in the subgroup if (5·L - 1)·P = -P. X25519 multiplies by such a number, as 5·L - 1 is a multiple of 8
/// between 2^254 and 2^255. It knows only the coordinate u of points, which P and -P share. RFC 7748, section 5.
enum Ed25519Subgroup {
  /// 5·L - 1, little-endian.
  private static let multiplier = try? Curve25519.KeyAgreement.PrivateKey(
    rawRepresentation: [
      0xa0, 0x23, 0xcd, 0xd0, 0x83, 0xef, 0x5b, 0xb8, 0x2f, 0x10, 0xd6, 0x2e, 0x59, 0xe1, 0x5a, 0x68,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,
    ])

  /// Whether the subgroup contains a point of the curve.
  /// - Parameter key: a canonical encoding of a point, 32 bytes.
  static func contains(_ key: [UInt8]) -> Bool {
    guard let multiplier, let u = montgomery(key),
      let point = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: u),
      // This fails for points of small order.
      let product = try? multiplier.sharedSecretFromKeyAgreement(with: point)
    else { return false }
    return product.withUnsafeBytes { $0.elementsEqual(u) }
  }

  /// The coordinate u = (1 + y) / (1 - y) of a point, 32 bytes, little-endian. Nil for y = 1. RFC 7748, section 4.1.
  private static func montgomery(_ key: [UInt8]) -> [UInt8]? {
    var y = key
    y[31] &= 0x7f
    let context = BN_CTX_new()
    let (prime, numerator, denominator) = (BN_new(), BN_lebin2bn(y, 32, nil), BN_new())
    defer {
      for number in [prime, numerator, denominator] { BN_free(number) }
      BN_CTX_free(context)
    }
    BN_set_bit(prime, 255)
    BN_sub_word(prime, 19)
    BN_sub(denominator, BN_value_one(), numerator)
    BN_add_word(numerator, 1)
    guard BN_mod_inverse(denominator, denominator, prime, context) != nil else { return nil }
    BN_mod_mul(numerator, numerator, denominator, prime, context)
    var u = [UInt8](repeating: 0, count: 32)
    return BN_bn2lebinpad(numerator, &u, 32) == 32 ? u : nil
  }
}
