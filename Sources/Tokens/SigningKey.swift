import COpenSSL
import Wire

/// An RSA private key of 2048 bits or more: signs RS256 (RFC 7518, section 3.3).
///
/// Owns one `EVP_PKEY`, which OpenSSL lets any number of threads use at once.
public final class SigningKey: @unchecked Sendable {
  static let minimumBits = 2048

  /// The key's name in tokens and in the key set.
  public let kid: String
  /// The modulus in bits.
  public let bits: Int
  /// Its public half.
  let verification: VerificationKey
  /// The first part of every token: the header in base64url and the dot behind it.
  let encodedHeader: [UInt8]

  private let key: OpaquePointer
  private let digest: OpaquePointer

  /// Makes a new key. `EVP_PKEY_keygen`; about 100 ms for 2048 bits.
  /// - Throws: ``KeyError``.
  public static func generate(kid: String, bits: Int = 2048) throws(KeyError) -> SigningKey {
    guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil) else {
      throw .openSSL("EVP_PKEY_CTX_new_id")
    }
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1,
      EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
      EVP_PKEY_keygen(context, &key) == 1, let key
    else { throw .openSSL("EVP_PKEY_keygen") }
    return try SigningKey(kid: kid, owning: key)
  }

  /// Reads a private key: PKCS#8 or PKCS#1, encrypted or not. `PEM_read_bio_PrivateKey`.
  /// - Throws: ``KeyError``, with the reason: a public key, a wrong passphrase, too few bits, no RSA key.
  public convenience init(kid: String, pem: [UInt8], passphrase: String?) throws(KeyError) {
    let text = String(decoding: pem, as: UTF8.self)
    guard text.contains("PRIVATE KEY-----") else {
      if text.contains("PUBLIC KEY-----") { throw KeyError("holds a public key, not a private one") }
      throw KeyError("holds no private key in PEM")
    }
    let isEncrypted = text.contains("ENCRYPTED")
    if isEncrypted && passphrase == nil {
      throw KeyError("is encrypted, and key_passphrase is not set")
    }
    guard let key = Self.decode(pem, passphrase: passphrase ?? "") else {
      ERR_clear_error()
      throw KeyError(
        isEncrypted ? "can't be decrypted: wrong key_passphrase?" : "holds a damaged private key")
    }
    try self.init(kid: kid, owning: key)
  }

  /// The key in a PEM text; nil where it can't be read.
  private static func decode(_ pem: [UInt8], passphrase: String) -> OpaquePointer? {
    pem.withUnsafeBytes { pem in
      guard let bio = BIO_new_mem_buf(pem.baseAddress, Int32(pem.count)) else { return nil }
      defer { BIO_free(bio) }
      // With a nil callback OpenSSL takes the last argument for the passphrase, and so never asks the
      // terminal.
      var secret = Array(passphrase.utf8CString)
      defer { secret.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
      return PEM_read_bio_PrivateKey(bio, nil, nil, &secret)
    }
  }

  /// Takes ownership of the key, also where it throws.
  private init(kid: String, owning key: OpaquePointer) throws(KeyError) {
    do throws(KeyError) {
      bits = Int(EVP_PKEY_get_bits(key))
      guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { throw KeyError("holds no RSA key") }
      guard bits >= Self.minimumBits else {
        throw KeyError("holds an RSA key of \(bits) bits; \(Self.minimumBits) is the least")
      }
      verification = try VerificationKey(
        kid: kid, modulus: try Self.number(OSSL_PKEY_PARAM_RSA_N, of: key),
        exponent: try Self.number(OSSL_PKEY_PARAM_RSA_E, of: key))
      guard let digest = EVP_MD_fetch(nil, "SHA256", nil) else { throw .openSSL("EVP_MD_fetch") }
      self.digest = digest
    } catch {
      EVP_PKEY_free(key)
      throw error
    }
    self.kid = kid
    self.key = key
    var header = JSONObjectWriter()
    header.add("alg", "RS256")
    header.add("typ", "JWT")
    header.add("kid", kid)
    encodedHeader = Base64URL.encode(header.finish()) + [UInt8(ascii: ".")]
  }

  deinit {
    EVP_MD_free(digest)
    EVP_PKEY_free(key)
  }

  private static func number(_ name: String, of key: OpaquePointer) throws(KeyError) -> [UInt8] {
    var number: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, name, &number) == 1 else {
      throw .openSSL("EVP_PKEY_get_bn_param")
    }
    defer { BN_free(number) }
    var bytes = [UInt8](repeating: 0, count: (Int(BN_num_bits(number)) + 7) / 8)
    BN_bn2bin(number, &bytes)
    return bytes
  }

  /// The key as PKCS#8 in PEM, encrypted with AES-256-CBC where a passphrase is given.
  /// `PEM_write_bio_PKCS8PrivateKey`.
  /// - Throws: ``KeyError``.
  public func pem(passphrase: String?) throws(KeyError) -> [UInt8] {
    guard let bio = BIO_new(BIO_s_mem()) else { throw .openSSL("BIO_new") }
    defer { BIO_free(bio) }
    let secret = Array((passphrase ?? "").utf8)
    let written = secret.withUnsafeBufferPointer { secret in
      secret.withMemoryRebound(to: CChar.self) { secret in
        PEM_write_bio_PKCS8PrivateKey(
          bio, key, passphrase == nil ? nil : EVP_aes_256_cbc(), secret.baseAddress,
          Int32(secret.count), nil, nil)
      }
    }
    guard written == 1 else { throw .openSSL("PEM_write_bio_PKCS8PrivateKey") }
    var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
    let count = BIO_read(bio, &bytes, Int32(bytes.count))
    guard count == bytes.count else { throw .openSSL("BIO_read") }
    return bytes
  }

  /// Signs a message: RSASSA-PKCS1-v1_5 over SHA-256, as long as the modulus. `EVP_DigestSign`.
  /// - Throws: ``KeyError``.
  public func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
    guard let context = EVP_MD_CTX_new() else { throw .openSSL("EVP_MD_CTX_new") }
    defer { EVP_MD_CTX_free(context) }
    var length = Int(EVP_PKEY_get_size(key))
    var signature = [UInt8](repeating: 0, count: length)
    guard EVP_DigestSignInit(context, nil, digest, nil, key) == 1,
      EVP_DigestSign(context, &signature, &length, message, message.count) == 1
    else { throw .openSSL("EVP_DigestSign") }
    return signature
  }
}
