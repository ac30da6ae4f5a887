import COpenSSL
import Crypto
import Synchronization
import Wire

/// An RSA private key of 2048 bits or more. It signs RS256 (RFC 7518, section 3.3).
public final class SigningKey: TokenSigner {
  /// RFC 7518, section 3.3.
  static let minimumBits = 2048

  /// The key's name in tokens and in the key set (`kid`).
  public let kid: String
  /// The length of the modulus in bits.
  public var bits: Int { numbers.bits }
  /// The public key.
  let verification: VerificationKey
  /// The secret for refresh tokens. The private key is parsed when the secret is first used.
  let refresh: RefreshKey
  let encodedHeader: [UInt8]
  var signatureLength: Int { numbers.modulus.count }

  private let numbers: PublicNumbers
  private let handle: OnFirstUse<Handle>

  /// Owns the key's `EVP_PKEY`. Any number of threads may use it at once.
  private final class Handle: @unchecked Sendable {
    let key: OpaquePointer
    let contexts: KeyContexts
    /// Whether the public key has verified a signature of this private key.
    let isProven = Atomic(false)

    /// Takes ownership of the key.
    init(owning key: OpaquePointer) {
      self.key = key
      contexts = KeyContexts(key, for: .sign)
    }

    deinit { EVP_PKEY_free(key) }
  }

  /// Makes a new key with `EVP_PKEY_keygen`, which takes about 100 ms for 2048 bits.
  /// - Parameters:
  ///   - kid: the key's name.
  ///   - bits: the length of the modulus, 2048 or more.
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

  /// Reads a private key in PEM with `PEM_read_bio_PrivateKey`: PKCS#8 or PKCS#1, encrypted or not.
  /// - Parameters:
  ///   - kid: the key's name.
  ///   - pem: the content of the file.
  ///   - passphrase: decrypts the key; nil for a key that isn't encrypted.
  /// - Throws: ``KeyError`` with the reason: it is a public key, the passphrase is wrong, the key isn't RSA
  ///   or has fewer than 2048 bits, or its numbers are weak (``PublicNumbers/fault``).
  public convenience init(kid: String, pem: [UInt8], passphrase: String?) throws(KeyError) {
    try self.init(kid: kid, owning: try Self.key(pem: pem, passphrase: passphrase))
  }

  /// A key whose private numbers are parsed when it first signs, for a process that may never sign. If the
  /// public numbers can't be read from the PEM text, the key is parsed at once.
  /// - Throws: as ``init(kid:pem:passphrase:)``. ``sign(_:)`` throws what is found later.
  static func deferred(kid: String, pem: [UInt8], passphrase: String?) throws(KeyError) -> SigningKey {
    guard let numbers = PublicNumbers(pem: pem), numbers.bits >= minimumBits, numbers.fault == nil else {
      return try SigningKey(kid: kid, pem: pem, passphrase: passphrase)
    }
    let handle = OnFirstUse { () throws(KeyError) in
      Handle(owning: try key(pem: pem, passphrase: passphrase))
    }
    return SigningKey(kid: kid, numbers: numbers, handle: handle)
  }

  private static func key(pem: [UInt8], passphrase: String?) throws(KeyError) -> OpaquePointer {
    let text = String(decoding: pem, as: UTF8.self)
    guard text.contains("PRIVATE KEY-----") else {
      if text.contains("PUBLIC KEY-----") { throw KeyError("holds a public key, not a private one") }
      throw KeyError("holds no private key in PEM")
    }
    let isEncrypted = text.contains("ENCRYPTED")
    if isEncrypted && passphrase == nil {
      throw KeyError("is encrypted: set key_passphrase")
    }
    guard let key = decode(pem, passphrase: passphrase ?? "") else {
      ERR_clear_error()
      throw KeyError(
        isEncrypted ? "can't be decrypted: check key_passphrase" : "holds a damaged private key")
    }
    guard !ClosePrimes.areOf(key) else {
      EVP_PKEY_free(key)
      throw KeyError("holds \(PublicNumbers.closePrimes)")
    }
    return key
  }

  /// Reads the key in a PEM text. Nil if OpenSSL can't read it.
  private static func decode(_ pem: [UInt8], passphrase: String) -> OpaquePointer? {
    pem.withUnsafeBytes { pem in
      guard let bio = BIO_new_mem_buf(pem.baseAddress, Int32(pem.count)) else { return nil }
      defer { BIO_free(bio) }
      // With a nil callback, OpenSSL takes the last argument as the passphrase. So it never asks for one on
      // the terminal. PEM_read_bio_PrivateKey(3).
      var secret = Array(passphrase.utf8CString)
      defer { secret.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
      return PEM_read_bio_PrivateKey(bio, nil, nil, &secret)
    }
  }

  /// Takes ownership of the key, even if it throws.
  private convenience init(kid: String, owning key: OpaquePointer) throws(KeyError) {
    let handle = Handle(owning: key)
    guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA else { throw KeyError("holds no RSA key") }
    let bits = EVP_PKEY_get_bits(key)
    guard bits >= Self.minimumBits else {
      throw KeyError("holds an RSA key of \(bits) bits; \(Self.minimumBits) is the minimum")
    }
    let numbers = PublicNumbers(
      modulus: try Self.number(OSSL_PKEY_PARAM_RSA_N, of: key),
      exponent: try Self.number(OSSL_PKEY_PARAM_RSA_E, of: key))
    if let fault = numbers.fault { throw KeyError("holds \(fault)") }
    self.init(kid: kid, numbers: numbers, handle: OnFirstUse { () throws(KeyError) in handle })
    _ = try sign([])
  }

  private init(kid: String, numbers: PublicNumbers, handle: OnFirstUse<Handle>) {
    self.kid = kid
    self.numbers = numbers
    self.handle = handle
    verification = VerificationKey(kid: kid, modulus: numbers.modulus, exponent: numbers.exponent)
    refresh = RefreshKey(signingKID: kid) { () throws(KeyError) in
      try Self.secretNumber(of: try handle.get().key)
    }
    encodedHeader = TokenHeader.encoded(algorithm: verification.algorithm, kid: kid)
  }

  /// The private exponent. It is the same number in every format of a key's file.
  private static func secretNumber(of key: OpaquePointer) throws(KeyError) -> SymmetricKey {
    guard let number = BigNumber(OSSL_PKEY_PARAM_RSA_D, of: key) else {
      throw .openSSL("EVP_PKEY_get_bn_param")
    }
    var bytes = number.bytes
    defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
    return SymmetricKey(data: bytes)
  }

  private static func number(_ name: String, of key: OpaquePointer) throws(KeyError) -> [UInt8] {
    guard let number = BigNumber(name, of: key) else { throw .openSSL("EVP_PKEY_get_bn_param") }
    return number.bytes
  }

  /// The key as PKCS#8 in PEM. `PEM_write_bio_PKCS8PrivateKey`.
  /// - Parameter passphrase: encrypts the key with AES-256-CBC; nil leaves it unencrypted.
  /// - Throws: ``KeyError``.
  public func pem(passphrase: String?) throws(KeyError) -> [UInt8] {
    let handle = try handle.get()
    guard let bio = BIO_new(BIO_s_mem()) else { throw .openSSL("BIO_new") }
    defer { BIO_free(bio) }
    let secret = Array((passphrase ?? "").utf8)
    let written = secret.withUnsafeBufferPointer { secret in
      secret.withMemoryRebound(to: CChar.self) { secret in
        PEM_write_bio_PKCS8PrivateKey(
          bio, handle.key, passphrase == nil ? nil : EVP_aes_256_cbc(), secret.baseAddress,
          Int32(secret.count), nil, nil)
      }
    }
    guard written == 1 else { throw .openSSL("PEM_write_bio_PKCS8PrivateKey") }
    var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(bio)))
    let count = BIO_read(bio, &bytes, Int32(bytes.count))
    guard count == bytes.count else { throw .openSSL("BIO_read") }
    return bytes
  }

  /// Signs a message: RSASSA-PKCS1-v1_5 over SHA-256. `EVP_PKEY_sign`.
  /// - Returns: the signature, as long as the modulus.
  /// - Throws: ``KeyError``, also if the private key doesn't belong to the public one.
  public func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
    let handle = try handle.get()
    let digest = Array(SHA256.hash(data: message))
    var length = Int(EVP_PKEY_get_size(handle.key))
    var signature = [UInt8](repeating: 0, count: length)
    var isSigned = false
    try handle.contexts.use { context in
      isSigned = EVP_PKEY_sign(context, &signature, &length, digest, digest.count) == 1
      return isSigned
    }
    guard isSigned, length == signature.count else { throw .openSSL("EVP_PKEY_sign") }
    // OpenSSL doesn't check that the numbers of a private key belong together. Verifying one signature does.
    if !handle.isProven.load(ordering: .relaxed) {
      guard verification.verifies(signature, of: message[...]) else {
        throw KeyError("holds a damaged private key")
      }
      handle.isProven.store(true, ordering: .relaxed)
    }
    return signature
  }
}
