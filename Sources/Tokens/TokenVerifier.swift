import POSIX
import Wire

/// Verifies tokens as RFC 8725 asks. It accepts one algorithm for each key, takes the key from its own ring by `kid`
/// and from nowhere else, and always checks issuer, audience and expiry.
public struct TokenVerifier: Sendable {
  /// How far in the future `iat` and `nbf` may be, because another host's clock may be ahead. Seconds.
  static let clockSkew = 5.0

  private let accessKeys: [any VerifyingKey]
  private let refreshKeys: [any VerifyingKey]
  private let issuer: String
  /// The required `aud`.
  public let audience: String
  private let clock: Clock

  /// - Parameters:
  ///   - ring: the keys whose tokens are accepted.
  ///   - issuer: the required `iss`.
  ///   - audience: the required `aud`.
  ///   - clock: the time of day.
  public init(ring: KeyRing, issuer: String, audience: String, clock: Clock) {
    accessKeys = ring.keys.map(\.verification)
    refreshKeys = accessKeys + ring.keys.map(\.refresh)
    self.issuer = issuer
    self.audience = audience
    self.clock = clock
  }

  /// Verifies a token and returns its claims. It doesn't look at `type`.
  /// - Parameter use: what the token is presented for.
  /// - Throws: ``TokenError``. It is `.expired` only if all other checks pass.
  public func verify(_ token: String, as use: TokenUse = .access) throws(TokenError) -> Claims {
    let claims = try genuineClaims(of: token, as: use)
    try checkTimes(claims)
    return claims
  }

  /// Makes all checks that don't depend on the time: form, signature, issuer, audience. A result stays true,
  /// so it can be cached.
  /// - Parameters:
  ///   - token: a JWS in compact form.
  ///   - use: what the token is presented for.
  ///   - run: see ``CheckRun``.
  /// - Throws: ``TokenError`` `.invalid`.
  public func genuineClaims(
    of token: String, as use: TokenUse, _ run: CheckRun = .enforcing
  ) throws(TokenError) -> Claims {
    let jws = try run.step(
      "form", { () throws(TokenError) in try CompactJWS(token) }, found: { _ in "three parts" })
    try run.part { () throws(TokenError) in try checkSignature(jws, as: use, run) }
    let claims = try run.step(
      "claims", { () throws(TokenError) in try jws.claims() }, found: { "\($0.members.count) claims" })
    try run.check("sub, jti", found: "are strings") { () throws(TokenError) in
      try Self.checkIdentifiers(claims)
    }
    try run.check("issuer", found: issuer) { () throws(TokenError) in try checkIssuer(claims) }
    try run.check("audience", found: audience) { () throws(TokenError) in try checkAudience(claims) }
    return Claims(all: claims)
  }

  private func checkSignature(
    _ jws: CompactJWS, as use: TokenUse, _ run: CheckRun
  ) throws(TokenError) {
    let keys =
      switch use {
      case .access: accessKeys
      case .refresh: refreshKeys
      }
    let header = try run.step(
      "header", { () throws(TokenError) in try jws.header(for: keys) },
      found: { "alg \($0["alg"]?.string ?? ""), kid \($0["kid"]?.string ?? "none")" })
    let key = try run.step(
      "key", { () throws(TokenError) in try CompactJWS.key(named: header, in: keys) },
      found: { "\($0.kid), \($0.summary)" })
    try run.step(
      "signature", { () throws(TokenError) in try jws.checkSignature(key) }, found: { "valid" })
  }

  /// Checks `iat`, `nbf` and `exp` against the clock. RFC 7519, section 4.1.
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
    // An empty one can't be revoked.
    if claims["jti"]?.string?.isEmpty ?? false { throw .invalid("jti is empty") }
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
