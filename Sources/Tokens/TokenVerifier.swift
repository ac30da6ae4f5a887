import POSIX
import Wire

/// Verifies tokens as RFC 8725 asks: one algorithm a key, the key by its `kid` from our own ring and
/// nowhere else, issuer, audience and expiry always.
public struct TokenVerifier: Sendable {
  /// No token of ours comes near this; what is longer isn't looked at. Bytes.
  static let maximumLength = 32768
  /// How far ahead another host's clock may be, for `iat` and `nbf`. Seconds.
  static let clockSkew = 5.0

  private let ring: KeyRing
  private let issuer: String
  private let audience: String
  private let clock: Clock

  public init(ring: KeyRing, issuer: String, audience: String, clock: Clock) {
    self.ring = ring
    self.issuer = issuer
    self.audience = audience
    self.clock = clock
  }

  /// The claims of a good token.
  /// - Throws: ``TokenError``; `.expired` only where all else is in order.
  public func verify(_ token: String) throws(TokenError) -> Claims {
    guard token.utf8.count <= Self.maximumLength else { throw .invalid("token too long") }
    let bytes = Array(token.utf8)
    let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
    guard dots.count == 2 else { throw .invalid("not enough or too many segments") }
    let key = try key(for: bytes[...dots[0]])
    guard let signature = Base64URL.decode(bytes[(dots[1] + 1)...]) else {
      throw .invalid("signature is not base64url")
    }
    guard key.verifies(signature, of: bytes[..<dots[1]]) else {
      throw .invalid("signature verification failed")
    }
    guard let payload = Base64URL.decode(bytes[(dots[0] + 1)..<dots[1]]),
      let claims = try? JSONObject(parsing: payload)
    else { throw .invalid("claims are not a JSON object in base64url") }
    return try check(claims)
  }

  /// The key that a header names. RFC 7515, section 4.1.
  /// - Parameter encoded: the header in base64url and the dot behind it.
  private func key(for encoded: ArraySlice<UInt8>) throws(TokenError) -> SigningKey {
    // Tokens of ours all begin with the same bytes.
    if let key = ring.keys.first(where: { $0.encodedHeader.elementsEqual(encoded) }) { return key }
    guard let bytes = Base64URL.decode(encoded.dropLast()),
      let header = try? JSONObject(parsing: bytes)
    else { throw .invalid("header is not a JSON object in base64url") }
    for name in ["crit", "jku", "x5u", "jwk", "x5c", "b64"] where header[name] != nil {
      throw .invalid("header parameter \(name) is not allowed")
    }
    guard let algorithm = header["alg"]?.string, algorithm.hasSameBytes(as: "RS256") else { throw .invalid("algorithm is not allowed") }
    if let type = header["typ"], type.string?.lowercased() != "jwt" {
      throw .invalid("token type is not JWT")
    }
    guard let kid = header["kid"]?.string, let key = ring.key(named: kid) else {
      throw .invalid("unknown key")
    }
    return key
  }

  /// Checks the registered claims. RFC 7519, section 4.1.
  private func check(_ claims: JSONObject) throws(TokenError) -> Claims {
    for name in ["sub", "jti"] {
      if let claim = claims[name], claim.string == nil { throw .invalid("\(name) is not a string") }
    }
    guard let issuer = claims["iss"]?.string, issuer.hasSameBytes(as: self.issuer) else {
      throw .invalid("issuer is not ours")
    }
    guard isAudience(claims["aud"]) else { throw .invalid("audience is not ours") }
    let now = clock.now
    for name in ["iat", "nbf"] {
      guard let claim = claims[name] else { continue }
      guard let time = claim.double else { throw .invalid("\(name) is not a number") }
      if time > now + Self.clockSkew { throw .invalid("token is not yet valid (\(name))") }
    }
    guard let expiry = claims["exp"]?.double else { throw .invalid("exp is missing or no number") }
    guard now < expiry else { throw .expired }
    return Claims(all: claims, expiry: expiry)
  }

  private func isAudience(_ claim: JSONValue?) -> Bool {
    switch claim {
    case .string(let value): value.hasSameBytes(as: audience)
    case .array(let values): values.compactMap(\.string).containsBytes(of: audience)
    default: false
    }
  }
}
