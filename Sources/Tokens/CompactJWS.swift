import Wire

/// A JWS in compact form, RFC 7515 section 7.1: three parts in base64url.
enum CompactJWS {
  /// No token of ours comes near this; what is longer isn't looked at. Bytes.
  static let maximumLength = 32768

  /// Header parameters that would have a token bring its own key or change how it is read.
  private static let refusedParameters = ["crit", "jku", "jwk", "x5u", "x5c", "b64"]

  /// The payload of a JWS that one of the keys signed.
  /// - Throws: ``TokenError`` `.invalid`.
  static func payload(of token: String, keys: [VerificationKey]) throws(TokenError) -> [UInt8] {
    guard token.utf8.count <= maximumLength else { throw .invalid("token too long") }
    let bytes = Array(token.utf8)
    let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
    guard dots.count == 2 else { throw .invalid("a token has three parts") }
    let key = try key(for: bytes[..<dots[0]], in: keys)
    guard let signature = Base64URL.decode(bytes[(dots[1] + 1)...]) else {
      throw .invalid("signature is not base64url")
    }
    guard key.verifies(signature, of: bytes[..<dots[1]]) else {
      throw .invalid("signature verification failed")
    }
    guard let payload = Base64URL.decode(bytes[(dots[0] + 1)..<dots[1]]) else {
      throw .invalid("claims are not base64url")
    }
    return payload
  }

  /// The key that a header names, which must name our one algorithm too. RFC 7515, section 4.1.
  private static func key(
    for encoded: ArraySlice<UInt8>, in keys: [VerificationKey]
  ) throws(TokenError) -> VerificationKey {
    guard let bytes = Base64URL.decode(encoded), let header = try? JSONObject(parsing: bytes) else {
      throw .invalid("header is not a JSON object in base64url")
    }
    for name in refusedParameters where header[name] != nil {
      throw .invalid("header parameter \(name) is not allowed")
    }
    guard let algorithm = header["alg"]?.string, algorithm.hasSameBytes(as: "RS256") else {
      throw .invalid("algorithm is not allowed")
    }
    if let type = header["typ"], type.string?.lowercased() != "jwt" {
      throw .invalid("token type is not JWT")
    }
    guard let kid = header["kid"]?.string,
      let key = keys.first(where: { $0.kid.hasSameBytes(as: kid) })
    else { throw .invalid("unknown key") }
    return key
  }
}
