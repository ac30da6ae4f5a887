import Wire

/// A JWS in compact form, RFC 7515 section 7.1: three parts in base64url. What is in it is trusted as far as it has
/// been checked, and no further.
struct CompactJWS {
  /// No token of ours comes near this; what is longer isn't looked at. Bytes.
  static let maximumLength = 32768

  /// Header parameters that would have a token bring its own key or change how it is read.
  private static let refusedParameters = ["crit", "jku", "jwk", "x5u", "x5c", "b64"]

  private let bytes: [UInt8]
  private let headerEnd: Int
  private let payloadEnd: Int

  /// - Throws: ``TokenError`` `.invalid` where there aren't three parts.
  init(_ token: String) throws(TokenError) {
    guard token.utf8.count <= Self.maximumLength else { throw .invalid("token too long") }
    let bytes = Array(token.utf8)
    let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
    guard dots.count == 2 else { throw .invalid("a token has three parts") }
    self.bytes = bytes
    headerEnd = dots[0]
    payloadEnd = dots[1]
  }

  /// The header, which must name our one algorithm and nothing that changes how a token is read. RFC 7515, section 4.1.
  /// - Throws: ``TokenError`` `.invalid`.
  func header() throws(TokenError) -> JSONObject {
    guard let bytes = Base64URL.decode(bytes[..<headerEnd]), let header = try? JSONObject(parsing: bytes)
    else {
      throw .invalid("header is not a JSON object in base64url")
    }
    for name in Self.refusedParameters where header[name] != nil {
      throw .invalid("header parameter \(name) is not allowed")
    }
    guard let algorithm = header["alg"]?.string, algorithm.hasSameBytes(as: "RS256") else {
      throw .invalid("algorithm is not allowed")
    }
    if let type = header["typ"], type.string?.lowercased() != "jwt" {
      throw .invalid("token type is not JWT")
    }
    return header
  }

  /// The key that a header names, among ours.
  /// - Throws: ``TokenError`` `.invalid`.
  static func key(named header: JSONObject, in keys: [VerificationKey]) throws(TokenError) -> VerificationKey
  {
    guard let kid = header["kid"]?.string,
      let key = keys.first(where: { $0.kid.hasSameBytes(as: kid) })
    else { throw .invalid("unknown key") }
    return key
  }

  /// - Throws: ``TokenError`` `.invalid` where the signature isn't the key's.
  func checkSignature(_ key: VerificationKey) throws(TokenError) {
    guard let signature = Base64URL.decode(bytes[(payloadEnd + 1)...]) else {
      throw .invalid("signature is not base64url")
    }
    guard key.verifies(signature, of: bytes[..<payloadEnd]) else {
      throw .invalid("signature verification failed")
    }
  }

  /// - Throws: ``TokenError`` `.invalid`.
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
