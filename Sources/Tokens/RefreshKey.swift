import Crypto

/// The secret of a signing key for refresh tokens. It signs and verifies HS256 (RFC 7518, section 3.2).
///
/// No validator knows the secret, and the key set doesn't list it. So no validator can take a refresh token for an
/// access token, even if it doesn't look at `type`.
final class RefreshKey: VerifyingKey, TokenSigner {
  /// What follows the signing key's name in `kid`. A name of a key has no slash (``KeyRing``), so a validator that
  /// looks for this name finds no key.
  private static let suffix = "/refresh"
  /// Says what the secret is for. Another label gives an unrelated secret. RFC 5869, section 3.2.
  private static let label = Array("pico-auth refresh token HS256 v1".utf8)
  /// As long as the hash. RFC 7518, section 3.2.
  private static let length = 32

  let kid: String
  let algorithm = RefreshAlgorithm.hs256.rawValue
  let summary = "HMAC secret derived from the signing key"
  let encodedHeader: [UInt8]
  let signatureLength = SHA256.byteCount

  private let secret: OnFirstUse<SymmetricKey>

  /// - Parameters:
  ///   - signingKID: the name of the signing key.
  ///   - material: returns a secret of the signing key that is the same in every process and every format of its file.
  ///     It is called when the key is first used.
  init(signingKID: String, material: @escaping @Sendable () throws(KeyError) -> SymmetricKey) {
    kid = signingKID + Self.suffix
    secret = OnFirstUse { () throws(KeyError) in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: try material(), info: Self.label, outputByteCount: Self.length)
    }
    encodedHeader = TokenHeader.encoded(algorithm: RefreshAlgorithm.hs256.rawValue, kid: kid)
  }

  func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: message, using: try secret.get()))
  }

  /// Whether the signature is the message's HMAC, compared in constant time. RFC 2104.
  func verifies(_ signature: [UInt8], of message: ArraySlice<UInt8>) -> Bool {
    guard let secret = try? secret.get() else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: message, using: secret)
  }
}
