import POSIX
import Wire

/// A token that is still to be signed: all that is worth recording of it is known.
public struct TokenDraft: Sendable {
  public let tokenID: String
  public let subject: String
  public let role: String
  /// `iat` and `exp`, seconds since 1970.
  public let issuedAt: Int
  public let expiry: Int
  /// What is signed: header and payload. RFC 7515, section 5.1.
  private let input: [UInt8]
  private let key: SigningKey

  fileprivate init(
    tokenID: String, subject: String, role: String, issuedAt: Int, expiry: Int, payload: [UInt8],
    key: SigningKey
  ) {
    self.tokenID = tokenID
    self.subject = subject
    self.role = role
    self.issuedAt = issuedAt
    self.expiry = expiry
    self.key = key
    input = key.encodedHeader + Base64URL.encode(payload)
  }

  /// The length of the token, once signed. Bytes.
  public var length: Int { input.count + 1 + (key.verification.modulus.count * 4 + 2) / 3 }

  /// The token in compact form.
  /// - Throws: ``KeyError`` where signing fails.
  public func sign() throws(KeyError) -> String {
    let signature = try key.sign(input)
    return String(decoding: input + [UInt8(ascii: ".")] + Base64URL.encode(signature), as: UTF8.self)
  }
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

  /// Makes a token up, to be signed.
  /// - Parameters:
  ///   - lifetime: seconds from now to `exp`.
  ///   - claims: further claims, after the registered ones and `role`; none of those again.
  public func draft(
    subject: String, role: String, lifetime: Int, claims: [(name: String, value: String)] = []
  ) -> TokenDraft {
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
    return TokenDraft(
      tokenID: tokenID, subject: subject, role: role, issuedAt: now, expiry: expiry,
      payload: payload.finish(),
      key: ring.signing)
  }
}
