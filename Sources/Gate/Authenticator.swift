import Stores
import Tokens
import Wire

/// Tells whether a credential is good: ours, in time, of the right kind, not revoked. Every route, the gate and
/// `pico-auth explain` ask here, and nowhere else is a token checked.
public struct Authenticator: Sendable {
  private let verifier: TokenVerifier
  private let revocations: any RevocationStore
  private let cache = VerifiedTokenCache()

  public init(verifier: TokenVerifier, revocations: any RevocationStore) {
    self.verifier = verifier
    self.revocations = revocations
  }

  /// The claims of a good credential.
  /// - Throws: ``Refusal``; `StoreError` where the store can't tell whether the token was revoked.
  public func authenticate(_ credential: Credential, _ run: CheckRun = .enforcing) throws -> Claims {
    let claims = try timelyClaims(of: credential, run)
    try run.check("kind", found: "an access token") { () throws(Refusal) in
      try Self.checkKind(credential.kind, claims)
    }
    let isRevoked = try claims.tokenID.map(revocations.isRevoked) ?? false
    try run.check("revocation", found: Self.revocationFinding(claims)) { () throws(Refusal) in
      if isRevoked { throw Refusal(.revoked(tokenID: claims.tokenID ?? ""), credential.kind) }
    }
    return claims
  }

  private func timelyClaims(of credential: Credential, _ run: CheckRun) throws(Refusal) -> Claims {
    do throws(TokenError) {
      let claims = try genuineClaims(of: credential, run)
      try verifier.checkTimes(claims, run)
      return claims
    } catch {
      throw Refusal(for: error, credential.kind)
    }
  }

  private func genuineClaims(of credential: Credential, _ run: CheckRun) throws(TokenError) -> Claims {
    // A refresh token comes once in its life, and an observer is to see each check made.
    if credential.kind == .refresh || run.isObserved {
      return try verifier.genuineClaims(of: credential.token, run)
    }
    return try cache.claims(of: credential.token) { (token) throws(TokenError) in
      try verifier.genuineClaims(of: token)
    }
  }

  /// A refresh token is for one route only, and that route takes no other.
  private static func checkKind(_ kind: Credential.Kind, _ claims: Claims) throws(Refusal) {
    let type = claims.all["type"]
    let isRefresh = type?.string?.hasSameBytes(as: "refresh")
    switch kind {
    case .refresh:
      guard isRefresh == true else { throw Refusal(.wrongKind, kind) }
    case .bearer, .cookie, .agent:
      // A `type` that is no text might be read as anything elsewhere.
      if type != nil && isRefresh != false { throw Refusal(.wrongKind, kind) }
    }
  }

  private static func revocationFinding(_ claims: Claims) -> String {
    claims.tokenID.map { "jti \($0) is not revoked" } ?? "no jti, so it can't be revoked"
  }
}
