import Wire

/// A JWS in compact form: three parts in base64url. RFC 7515, section 7.1. Nothing in it is trusted before it
/// is checked.
struct CompactJWS {
  /// The longest token that is looked at. The tokens that pico-auth issues are far shorter. Bytes.
  static let maximumLength = 32768

  /// Header parameters with which a token brings its own key or changes how it is read. RFC 7515, section
  /// 4.1; `b64` is RFC 7797.
  private static let refusedParameters = ["crit", "jku", "jwk", "x5u", "x5c", "b64"]

  private let bytes: [UInt8]
  private let headerEnd: Int
  private let payloadEnd: Int

  /// Splits a token.
  /// - Throws: ``TokenError`` `.invalid` if the token is too long or doesn't have three parts.
  init(_ token: String) throws(TokenError) {
    guard token.utf8.count <= Self.maximumLength else { throw .invalid("token too long") }
    let bytes = Array(token.utf8)
    let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
    guard dots.count == 2 else { throw .invalid("a token has three parts") }
    self.bytes = bytes
    headerEnd = dots[0]
    payloadEnd = dots[1]
  }

  /// Reads the header. It must have the algorithm of one of the keys, and no parameter that changes how the token is
  /// read. RFC 7515, section 4.1.
  /// - Throws: ``TokenError`` `.invalid`.
  func header(for keys: [any VerifyingKey]) throws(TokenError) -> JSONObject {
    guard let bytes = Base64URL.decode(bytes[..<headerEnd]), let header = try? JSONObject(parsing: bytes)
    else {
      throw .invalid("header is not a JSON object in base64url")
    }
    for name in Self.refusedParameters where header[name] != nil {
      throw .invalid("header parameter \(name) is not allowed")
    }
    guard keys.contains(where: { Self.isAlgorithm(of: $0, header) }) else {
      throw .invalid("algorithm is not allowed")
    }
    if let type = header["typ"], type.string?.lowercased() != "jwt" {
      throw .invalid("token type is not JWT")
    }
    return header
  }

  /// Finds the key that a header names in `kid`. The header's algorithm must be that of the key: otherwise a client
  /// could choose how a key is used. RFC 7515, section 4.1.4; RFC 8725, section 3.1.
  /// - Throws: ``TokenError`` `.invalid` if none of the keys has that name and that algorithm.
  static func key(
    named header: JSONObject, in keys: [any VerifyingKey]
  ) throws(TokenError) -> any VerifyingKey {
    guard let kid = header["kid"]?.string,
      let key = keys.first(where: { $0.kid.hasSameBytes(as: kid) })
    else { throw .invalid("unknown key") }
    guard isAlgorithm(of: key, header) else { throw .invalid("algorithm is not that of the key") }
    return key
  }

  private static func isAlgorithm(of key: any VerifyingKey, _ header: JSONObject) -> Bool {
    header["alg"]?.string?.hasSameBytes(as: key.algorithm) == true
  }

  /// Verifies the signature over header and payload. RFC 7515, section 5.2.
  /// - Throws: ``TokenError`` `.invalid` if the key didn't make the signature.
  func checkSignature(_ key: any VerifyingKey) throws(TokenError) {
    guard let signature = Base64URL.decode(bytes[(payloadEnd + 1)...]) else {
      throw .invalid("signature is not base64url")
    }
    guard key.verifies(signature, of: bytes[..<payloadEnd]) else {
      throw .invalid("signature verification failed")
    }
  }

  /// Reads the payload.
  /// - Throws: ``TokenError`` `.invalid` if it isn't a JSON object in base64url.
  func claims() throws(TokenError) -> JSONObject {
    guard let payload = Base64URL.decode(bytes[(headerEnd + 1)..<payloadEnd]) else {
      throw .invalid("claims are not base64url")
    }
    guard let claims = try? JSONObject(parsing: payload) else {
      throw .invalid("claims are not a JSON object")
    }
    return claims
  }
}
