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
    let claims = try genuineClaims(of: token)
    try checkTimes(claims)
    return claims
  }

  /// The claims of a token that is ours and meant for us, whatever the time: what holds once holds for good.
  /// - Throws: ``TokenError`` `.invalid`.
  public func genuineClaims(
    of token: String, _ run: CheckRun = .enforcing
  ) throws(TokenError) -> Claims {
    let jws = try run.step(
      "form", { () throws(TokenError) in try CompactJWS(token) }, found: { _ in "three parts" })
    try run.part { () throws(TokenError) in try checkSignature(jws, run) }
    let claims = try run.step(
      "claims", { () throws(TokenError) in try jws.claims() }, found: { "\($0.members.count) claims" })
    try run.check("sub, jti", found: "are strings") { () throws(TokenError) in
      try Self.checkIdentifiers(claims)
    }
    try run.check("issuer", found: issuer) { () throws(TokenError) in try checkIssuer(claims) }
    try run.check("audience", found: audience) { () throws(TokenError) in try checkAudience(claims) }
    return Claims(all: claims)
  }

  private func checkSignature(_ jws: CompactJWS, _ run: CheckRun) throws(TokenError) {
    let header = try run.step(
      "header", { () throws(TokenError) in try jws.header() },
      found: { "alg \($0["alg"]?.string ?? ""), kid \($0["kid"]?.string ?? "none")" })
    let key = try run.step(
      "key", { () throws(TokenError) in try CompactJWS.key(named: header, in: keys) },
      found: { "\($0.kid), RSA of \($0.modulus.count * 8) bits" })
    try run.step(
      "signature", { () throws(TokenError) in try jws.checkSignature(key) }, found: { "valid" })
  }

  /// Checks a token's times against the clock.
  /// - Throws: ``TokenError``.
  public func checkTimes(_ claims: Claims, _ run: CheckRun = .enforcing) throws(TokenError) {
    try run.check("times", found: "valid now") { () throws(TokenError) in try checkTimes(of: claims) }
  }

  private func checkTimes(of claims: Claims) throws(TokenError) {
    let now = clock.now
    for name in ["iat", "nbf"] {
      guard let claim = claims.all[name] else { continue }
      guard let time = claim.double else { throw .invalid("\(name) is not a number") }
      if time > now + Self.clockSkew { throw .invalid("token is not yet valid (\(name))") }
    }
    guard let expiry = claims.expiry else { throw .invalid("exp is missing or no number") }
    guard now < expiry else { throw .expired }
  }

  // MARK: - Registered claims, RFC 7519 section 4.1

  private static func checkIdentifiers(_ claims: JSONObject) throws(TokenError) {
    for name in ["sub", "jti"] {
      if let claim = claims[name], claim.string == nil { throw .invalid("\(name) is not a string") }
    }
  }

  private func checkIssuer(_ claims: JSONObject) throws(TokenError) {
    guard let issuer = claims["iss"]?.string, issuer.hasSameBytes(as: self.issuer) else {
      throw .invalid("issuer is not ours")
    }
  }

  private func checkAudience(_ claims: JSONObject) throws(TokenError) {
    guard Claims(all: claims).audiences.containsBytes(of: audience) else {
      throw .invalid("audience is not ours")
    }
  }
}
