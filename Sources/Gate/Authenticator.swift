import Stores
import Tokens
import Wire

/// Authenticates credentials. It checks the signature, the issuer, the audience, the times, the kind and the
/// revocation of a token.
///
/// This is the only place that checks a token. Every route, the gate and `pico-auth explain` call it.
public struct Authenticator: Sendable {
  private let verifier: TokenVerifier
  private let revocations: any RevocationStore
  private let cache = VerifiedTokenCache()

  /// - Parameters:
  ///   - verifier: checks signature, issuer, audience and times.
  ///   - revocations: says which tokens are revoked. The authenticator asks it for every credential with a `jti`.
  public init(verifier: TokenVerifier, revocations: any RevocationStore) {
    self.verifier = verifier
    self.revocations = revocations
  }

  /// Checks a credential.
  /// - Parameters:
  ///   - credential: the token and the way it came, which decides the kind that the token must have.
  ///   - run: reports each check to its observer, if it has one. The caller ends the run with `conclude()`.
  /// - Returns: the claims of the token.
  /// - Throws: ``Refusal``; `StoreError` if the store can't tell whether the token is revoked.
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
    // A client sends a refresh token seldom, so caching it gains nothing. An observer must see each check made.
    if credential.kind == .refresh || run.isObserved {
      return try verifier.genuineClaims(of: credential.token, run)
    }
    return try cache.claims(of: credential.token) { (token) throws(TokenError) in
      try verifier.genuineClaims(of: token)
    }
  }

  /// Checks that `/refresh` gets a refresh token, and everything else an access token.
  private static func checkKind(_ kind: Credential.Kind, _ claims: Claims) throws(Refusal) {
    let type = claims.all["type"]
    let isRefresh = type?.string?.hasSameBytes(as: "refresh")
    switch kind {
    case .refresh:
      guard isRefresh == true else { throw Refusal(.wrongKind, kind) }
    case .bearer, .cookie, .agent:
      // Another program might read a `type` that isn't a string in another way, so the gate refuses it.
      if type != nil && isRefresh != false { throw Refusal(.wrongKind, kind) }
    }
  }

  private static func revocationFinding(_ claims: Claims) -> String {
    claims.tokenID.map { "jti \($0) is not revoked" } ?? "no jti, so it can't be revoked"
  }
}
