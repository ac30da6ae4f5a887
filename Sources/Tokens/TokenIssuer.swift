// Tokens: JSON Web Tokens and their keys. The module owns the signing keys and their PEM files, the key ring
// and its published key set, and issuing and verifying tokens. It knows no HTTP and no stores, and doesn't
// decide who gets a token.

import POSIX
import Wire

/// A token before it is signed. Everything that the mint audit records of it is known.
public struct TokenDraft: Sendable {
  /// `jti`: 32 lower-case hex digits, which stand for 16 random bytes.
  public let tokenID: String
  /// `sub`.
  public let subject: String
  /// `role`.
  public let role: String
  /// `iat`. Seconds since 1970.
  public let issuedAt: Int
  /// `exp`. Seconds since 1970.
  public let expiry: Int
  /// The JWS signing input: header and payload. RFC 7515, section 5.1.
  private let input: [UInt8]
  private let signer: any TokenSigner

  fileprivate init(
    tokenID: String, subject: String, role: String, issuedAt: Int, expiry: Int, payload: [UInt8],
    signer: any TokenSigner
  ) {
    self.tokenID = tokenID
    self.subject = subject
    self.role = role
    self.issuedAt = issuedAt
    self.expiry = expiry
    self.signer = signer
    input = signer.encodedHeader + Base64URL.encode(payload)
  }

  /// The length of the signed token. Bytes.
  public var length: Int { input.count + 1 + (signer.signatureLength * 4 + 2) / 3 }

  /// Signs the token.
  /// - Returns: the token as a JWS in compact form. RFC 7515, section 7.1.
  /// - Throws: ``KeyError`` if signing fails.
  public func sign() throws(KeyError) -> String {
    let signature = try signer.sign(input)
    return String(decoding: input + [UInt8(ascii: ".")] + Base64URL.encode(signature), as: UTF8.self)
  }
}

/// Issues tokens: JWS in compact form, RS256, signed by the newest key of the ring.
public struct TokenIssuer: Sendable {
  private let ring: KeyRing
  private let issuer: String
  private let audience: String
  private let refreshAlgorithm: RefreshAlgorithm
  private let clock: Clock

  /// - Parameters:
  ///   - ring: the keys.
  ///   - issuer: `iss` of the tokens.
  ///   - audience: `aud` of the tokens.
  ///   - refreshAlgorithm: the signature algorithm of refresh tokens.
  ///   - clock: the time of day for `iat` and `exp`.
  public init(
    ring: KeyRing, issuer: String, audience: String, refreshAlgorithm: RefreshAlgorithm = .rs256,
    clock: Clock
  ) {
    self.ring = ring
    self.issuer = issuer
    self.audience = audience
    self.refreshAlgorithm = refreshAlgorithm
    self.clock = clock
  }

  /// Makes a token that you then sign.
  /// - Parameters:
  ///   - subject: `sub`.
  ///   - role: `role`.
  ///   - lifetime: seconds from now to `exp`.
  ///   - claims: further claims. They follow the registered claims and `role`, and must not repeat one of
  ///     these.
  public func draft(
    subject: String, role: String, lifetime: Int, claims: [(name: String, value: String)] = []
  ) -> TokenDraft {
    let now = clock.seconds
    let (end, overflows) = now.addingReportingOverflow(lifetime)
    return draft(
      subject: subject, role: role, tokenID: Self.newTokenID(), issuedAt: now,
      expiry: overflows ? Int.max : end, claims: claims)
  }

  /// A new `jti`: 32 lower-case hex digits, which stand for 16 random bytes.
  public static func newTokenID() -> String { Hex.encode(SecureRandom.bytes(16)) }

  /// Makes a token whose identifier and times are known already. Signing it twice gives the same token, as long as the
  /// key is the same.
  /// - Parameters:
  ///   - subject: `sub`.
  ///   - role: `role`.
  ///   - tokenID: `jti`.
  ///   - issuedAt: `iat`. Seconds since 1970.
  ///   - expiry: `exp`. Seconds since 1970.
  ///   - claims: further claims, as for ``draft(subject:role:lifetime:claims:)``.
  ///   - isRefresh: whether it is a refresh token, which gets the claim `type` and has an algorithm of its own.
  public func draft(
    subject: String, role: String, tokenID: String, issuedAt: Int, expiry: Int,
    claims: [(name: String, value: String)] = [], isRefresh: Bool = false
  ) -> TokenDraft {
    var payload = JSONObjectWriter()
    payload.add("sub", subject)
    payload.add("iss", issuer)
    payload.add("aud", audience)
    payload.add("iat", issuedAt)
    payload.add("exp", expiry)
    payload.add("jti", tokenID)
    payload.add("role", role)
    if isRefresh { payload.add("type", "refresh") }
    for claim in claims { payload.add(claim.name, claim.value) }
    return TokenDraft(
      tokenID: tokenID, subject: subject, role: role, issuedAt: issuedAt, expiry: expiry,
      payload: payload.finish(), signer: signer(isRefresh: isRefresh))
  }

  private func signer(isRefresh: Bool) -> any TokenSigner {
    switch refreshAlgorithm {
    case .hs256 where isRefresh: ring.signing.refresh
    case .rs256, .hs256: ring.signing
    }
  }
}
