import Wire

/// A key that verifies tokens, with one algorithm only. RFC 8725, section 3.1.
protocol VerifyingKey: Sendable {
  /// The key's name in tokens (`kid`).
  var kid: String { get }
  /// The only `alg` of the key's tokens.
  var algorithm: String { get }
  /// What the key is, for `pico-auth explain`.
  var summary: String { get }

  /// Whether the key made a signature over a message.
  func verifies(_ signature: [UInt8], of message: ArraySlice<UInt8>) -> Bool
}

/// A key that signs tokens.
protocol TokenSigner: Sendable {
  /// The first part of every token: the header in base64url, and the dot after it.
  var encodedHeader: [UInt8] { get }
  /// The length of a signature. Bytes.
  var signatureLength: Int { get }

  /// Signs a message.
  /// - Throws: ``KeyError``.
  func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8]
}

/// The header of tokens. RFC 7515, section 4.1.
enum TokenHeader {
  /// The header that names a key, as ``TokenSigner/encodedHeader`` has it.
  static func encoded(algorithm: String, kid: String) -> [UInt8] {
    var header = JSONObjectWriter()
    header.add("alg", algorithm)
    header.add("typ", "JWT")
    header.add("kid", kid)
    return Base64URL.encode(header.finish()) + [UInt8(ascii: ".")]
  }
}
