import Sessions
import Stores
import Tokens
import Wire

/// Authenticates credentials. It checks the signature, the issuer, the audience, the times, the kind, the revocation
/// and the session of a token, and the secret in a session's cookie.
///
/// This is the only place that checks a credential. Every route, the gate and `pico-auth explain` call it.
public struct Authenticator: Sendable {
  private let verifier: TokenVerifier
  private let revocations: any RevocationStore
  private let sessions: LiveSessions
  private let cache = VerifiedTokenCache()

  /// - Parameters:
  ///   - verifier: checks signature, issuer, audience and times.
  ///   - revocations: says which tokens are revoked. The authenticator asks it for every credential with a `jti`.
  ///   - sessions: says which sessions are live. The authenticator asks it for every credential.
  public init(verifier: TokenVerifier, revocations: any RevocationStore, sessions: LiveSessions) {
    self.verifier = verifier
    self.revocations = revocations
    self.sessions = sessions
  }

  /// Checks a credential.
  /// - Parameters:
  ///   - credential: the token and the way it came, which decides the kind that the token must have.
  ///   - run: reports each check to its observer, if it has one. The caller ends the run with `conclude()`.
  /// - Returns: the claims of the credential. A refresh token's revocation and session aren't checked: `SessionGrants`
  ///   does that when it exchanges the token.
  /// - Throws: ``Refusal``; `StoreError` if a store can't tell whether the credential is good.
  public func authenticate(_ credential: Credential, _ run: CheckRun = .enforcing) throws -> Claims {
    if credential.kind == .cookie { return try authenticate(cookie: credential.token).claims }
    let claims = try timelyClaims(of: credential, run)
    try run.check("kind", found: "an access token") { () throws(Refusal) in
      try Self.checkKind(credential.kind, claims)
    }
    if credential.kind == .refresh { return claims }
    let isRevoked = try claims.tokenID.map(revocations.isRevoked) ?? false
    try run.check("revocation", found: Self.revocationFinding(claims)) { () throws(Refusal) in
      if isRevoked { throw Refusal(.revoked(tokenID: claims.tokenID ?? ""), credential.kind) }
    }
    let isOver = try isOver(claims)
    try run.check("session", found: Self.sessionFinding(claims)) { () throws(Refusal) in
      if isOver { throw Refusal(.revoked(tokenID: claims.tokenID ?? ""), credential.kind) }
    }
    return claims
  }

  /// Checks the value of a session's cookie.
  /// - Returns: the session, and claims that say what its subject is now.
  /// - Throws: ``Refusal`` 401 if the value opens no live session; `StoreError` if the store can't tell.
  public func authenticate(cookie value: String) throws -> (claims: Claims, session: Session) {
    guard let found = try sessions.find(cookie: value) else { throw Refusal(.sessionOver, .cookie) }
    return (found.claims(audience: verifier.audience), found.session)
  }

  /// Whether the session of a token is over, or all sessions of its subject were ended since it was issued.
  private func isOver(_ claims: Claims) throws -> Bool {
    guard let session = claims.all["sid"] else { return try sessions.isCutOff(claims) }
    guard let id = session.string else { return true }
    return try sessions.find(id) == nil
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
      return try verifier.genuineClaims(
        of: credential.token, as: credential.kind == .refresh ? .refresh : .access, run)
    }
    return try cache.claims(of: credential.token) { (token) throws(TokenError) in
      try verifier.genuineClaims(of: token, as: .access)
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

  private static func sessionFinding(_ claims: Claims) -> String {
    claims.session.map { "sid \($0) is live" } ?? "no sid"
  }
}
