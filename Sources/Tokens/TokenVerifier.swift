import POSIX
import Wire

/// Verifies tokens as RFC 8725 asks: one algorithm a key, the key by its `kid` from our own ring and
/// nowhere else, issuer, audience and expiry always.
public struct TokenVerifier: Sendable {
  /// How far ahead another host's clock may be, for `iat` and `nbf`. Seconds.
  static let clockSkew = 5.0

  private let keys: [VerificationKey]
  private let issuer: String
  private let audience: String
  private let clock: Clock

  public init(ring: KeyRing, issuer: String, audience: String, clock: Clock) {
    keys = ring.keys.map(\.verification)
    self.issuer = issuer
    self.audience = audience
    self.clock = clock
  }

  /// The claims of a good token.
  /// - Throws: ``TokenError``; `.expired` only where all else is in order.
  public func verify(_ token: String) throws(TokenError) -> Claims {
    let payload = try CompactJWS.payload(of: token, keys: keys)
    guard let claims = try? JSONObject(parsing: payload) else {
      throw .invalid("claims are not a JSON object")
    }
    return try check(claims)
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
