import POSIX
import Wire

/// A token just made, and what is worth recording of it.
public struct IssuedToken: Sendable {
  /// The token in compact form.
  public let text: String
  public let tokenID: String
  public let subject: String
  public let role: String
  /// `iat` and `exp`, seconds since 1970.
  public let issuedAt: Int
  public let expiry: Int
}

/// Issues tokens: compact JWS, RS256, signed by the ring's newest key.
public struct TokenIssuer: Sendable {
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

  /// Issues a token.
  /// - Parameters:
  ///   - lifetime: seconds from now to `exp`.
  ///   - claims: further claims, after the registered ones and `role`; none of those again.
  /// - Throws: ``KeyError`` where signing fails.
  public func issue(
    subject: String, role: String, lifetime: Int, claims: [(name: String, value: String)] = []
  ) throws(KeyError) -> IssuedToken {
    let now = clock.seconds
    let (end, overflows) = now.addingReportingOverflow(lifetime)
    let expiry = overflows ? Int.max : end
    let tokenID = Hex.encode(SecureRandom.bytes(16))
    var payload = JSONObjectWriter()
    payload.add("sub", subject)
    payload.add("iss", issuer)
    payload.add("aud", audience)
    payload.add("iat", now)
    payload.add("exp", expiry)
    payload.add("jti", tokenID)
    payload.add("role", role)
    for claim in claims { payload.add(claim.name, claim.value) }

    let key = ring.signing
    var token = key.encodedHeader
    token += Base64URL.encode(payload.finish())
    let signature = try key.sign(token)
    token.append(UInt8(ascii: "."))
    token += Base64URL.encode(signature)
    return IssuedToken(
      text: String(decoding: token, as: UTF8.self), tokenID: tokenID, subject: subject, role: role,
      issuedAt: now, expiry: expiry)
  }
}
