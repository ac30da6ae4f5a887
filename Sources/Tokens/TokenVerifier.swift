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
  public func genuineClaims(of token: String) throws(TokenError) -> Claims {
    let jws = try CompactJWS(token)
    try jws.checkSignature(CompactJWS.key(named: try jws.header(), in: keys))
    let claims = try jws.claims()
    try Self.checkIdentifiers(claims)
    try checkIssuer(claims)
    try checkAudience(claims)
    return Claims(all: claims)
  }

  /// Checks a token's times against the clock.
  /// - Throws: ``TokenError``.
  public func checkTimes(_ claims: Claims) throws(TokenError) {
    let now = clock.now
    for name in ["iat", "nbf"] {
      guard let claim = claims.all[name] else { continue }
      guard let time = claim.double else { throw .invalid("\(name) is not a number") }
      if time > now + Self.clockSkew { throw .invalid("token is not yet valid (\(name))") }
    }
    guard let expiry = claims.expiry else { throw .invalid("exp is missing or no number") }
    guard now < expiry else { throw .expired }
  }

  /// Makes every check by itself, whether the one before passed or not: for people who wonder why a token is refused.
  /// - Returns: what was checked, what was found, and whether it passes; as far as the token can be read at all.
  public func inspect(_ token: String) -> (checks: [TokenCheck], claims: Claims?) {
    var checks: [TokenCheck] = []
    func check<Value>(
      _ name: String, _ found: (Value) -> String = { _ in "" }, _ body: () throws(TokenError) -> Value
    ) -> Value? {
      do throws(TokenError) {
        let value = try body()
        checks.append(TokenCheck(name: name, finding: found(value), passes: true))
        return value
      } catch {
        checks.append(TokenCheck(name: name, finding: error.description, passes: false))
        return nil
      }
    }
    guard let jws = check("form", { _ in "three parts" }, { () throws(TokenError) in try CompactJWS(token) })
    else {
      return (checks, nil)
    }
    let header = check(
      "header", { "alg \($0["alg"]?.string ?? ""), kid \($0["kid"]?.string ?? "none")" },
      { () throws(TokenError) in try jws.header() })
    if let header {
      let key = check(
        "key", { "\($0.kid), RSA of \($0.modulus.count * 8) bits" },
        { () throws(TokenError) in try CompactJWS.key(named: header, in: keys) })
      if let key {
        _ = check("signature", { "by that key" }, { () throws(TokenError) in try jws.checkSignature(key) })
      }
    }
    guard let all = check("claims", { "\($0.members.count)" }, { () throws(TokenError) in try jws.claims() })
    else {
      return (checks, nil)
    }
    let claims = Claims(all: all)
    _ = check("sub, jti", { "texts" }, { () throws(TokenError) in try Self.checkIdentifiers(all) })
    _ = check("issuer", { issuer }, { () throws(TokenError) in try checkIssuer(all) })
    _ = check("audience", { audience }, { () throws(TokenError) in try checkAudience(all) })
    _ = check("times", { "valid now" }, { () throws(TokenError) in try checkTimes(claims) })
    return (checks, claims)
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

/// One of the things that a token must be.
public struct TokenCheck: Sendable {
  public let name: String
  /// What was found: a value where it passes, the reason where it doesn't.
  public let finding: String
  public let passes: Bool

  public init(name: String, finding: String, passes: Bool) {
    self.name = name
    self.finding = finding
    self.passes = passes
  }
}
