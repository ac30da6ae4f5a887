import COpenSSL
import Crypto
import Wire

/// An RSA public key. It verifies RS256 (RFC 7518, section 3.3) and is published in the key set.
final class VerificationKey: VerifyingKey {
  /// The key's name in tokens and in the key set (`kid`).
  let kid: String
  let algorithm = "RS256"
  var summary: String { "RSA of \(modulus.count * 8) bits" }
  /// Big-endian, without leading zeros.
  let modulus: [UInt8]
  /// Big-endian, without leading zeros.
  let exponent: [UInt8]

  private let contexts: OnFirstUse<KeyContexts>

  /// A key from its numbers, as in a JWK. OpenSSL makes the key with `EVP_PKEY_fromdata` when it is first
  /// used.
  init(kid: String, modulus: [UInt8], exponent: [UInt8]) {
    self.kid = kid
    self.modulus = modulus
    self.exponent = exponent
    contexts = OnFirstUse { () throws(KeyError) in
      guard let key = Self.makeKey(modulus: modulus, exponent: exponent) else {
        throw .openSSL("EVP_PKEY_fromdata")
      }
      defer { EVP_PKEY_free(key) }
      return KeyContexts(key, for: .verify)
    }
  }

  /// `EVP_PKEY_PUBLIC_KEY`, a macro that Swift doesn't import.
  private static let publicKey = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS | OSSL_KEYMGMT_SELECT_PUBLIC_KEY

  private static func makeKey(modulus: [UInt8], exponent: [UInt8]) -> OpaquePointer? {
    // The parameters point to their names until `EVP_PKEY_fromdata` returns. OSSL_PARAM_BLD(3).
    OSSL_PKEY_PARAM_RSA_N.withCString { nameOfN in
      OSSL_PKEY_PARAM_RSA_E.withCString { nameOfE in
        let n = BN_bin2bn(modulus, Int32(modulus.count), nil)
        let e = BN_bin2bn(exponent, Int32(exponent.count), nil)
        let builder = OSSL_PARAM_BLD_new()
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil)
        defer {
          EVP_PKEY_CTX_free(context)
          OSSL_PARAM_BLD_free(builder)
          BN_free(e)
          BN_free(n)
        }
        guard OSSL_PARAM_BLD_push_BN(builder, nameOfN, n) == 1,
          OSSL_PARAM_BLD_push_BN(builder, nameOfE, e) == 1,
          let parameters = OSSL_PARAM_BLD_to_param(builder)
        else { return nil }
        defer { OSSL_PARAM_free(parameters) }
        var key: OpaquePointer?
        guard EVP_PKEY_fromdata_init(context) == 1,
          EVP_PKEY_fromdata(context, &key, publicKey, parameters) == 1
        else { return nil }
        return key
      }
    }
  }

  /// Whether this key's private key made a signature over a message: RSASSA-PKCS1-v1_5 over SHA-256,
  /// `EVP_PKEY_verify`. A signature must be exactly as long as the modulus. RFC 8017, section 8.2.2.
  func verifies(_ signature: [UInt8], of message: ArraySlice<UInt8>) -> Bool {
    guard signature.count == modulus.count, let contexts = try? contexts.get() else { return false }
    let digest = Array(message.withUnsafeBytes { SHA256.hash(data: $0) })
    var isValid = false
    try? contexts.use { context in
      let result = EVP_PKEY_verify(context, signature, signature.count, digest, digest.count)
      if result != 1 { ERR_clear_error() }
      isValid = result == 1
      return result >= 0
    }
    return isValid
  }
}
