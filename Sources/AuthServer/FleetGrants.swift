import Sessions
import Stores
import Tokens

/// Issues the tokens of fleet sessions. They have no refresh token and no `sid`.
struct FleetGrants: Sendable {
  let issuer: TokenIssuer
  let recorder: MintRecorder
  let sessions: any SessionStore

  /// Issues the token of a fleet session.
  /// - Parameters:
  ///   - sessionID: `sub` and `session_id`.
  ///   - agent: `agent_id`.
  ///   - role: `role`.
  ///   - scope: `scope`; the claim is left out if it is empty.
  ///   - lifetime: seconds.
  /// - Returns: the token, and its `exp` in seconds since 1970.
  /// - Throws: ``StoreError`` if the token can't be recorded and must be, or if it would be refused because its subject
  ///   was revoked in the same second.
  func token(
    _ sessionID: String, agent: String, role: String, scope: String, lifetime: Int
  ) throws -> (token: String, expiry: Int) {
    var claims = [(name: "session_id", value: sessionID), (name: "agent_id", value: agent)]
    if !scope.isEmpty { claims.append((name: "scope", value: scope)) }
    let draft = issuer.draft(subject: sessionID, role: role, lifetime: lifetime, claims: claims)
    try checkCutoff(draft)
    let wait = try recorder.begin([
      Mint(
        tokenID: draft.tokenID, subject: sessionID, role: role, issuedAt: draft.issuedAt,
        expiry: draft.expiry, kind: .sign, scope: scope, agentID: agent, sessionID: sessionID)
    ])
    // Whoever revoked the subject before the record was there has missed this token.
    try checkCutoff(draft)
    // The disk writes the record meanwhile.
    let token = try draft.sign()
    try recorder.wait(wait)
    return (token, draft.expiry)
  }

  private func checkCutoff(_ draft: TokenDraft) throws {
    guard let cutoff = try sessions.cutoff(of: draft.subject),
      Double(draft.issuedAt) < cutoff.rounded(.down) + 1
    else { return }
    throw StoreError("fleet session \(draft.subject.prefix(64)): its tokens until now were just revoked")
  }
}
