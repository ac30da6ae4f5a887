import CGI
import Gate
import HTTPTypes
import Logging
import POSIX
import Stores
import Tokens
import Wire

/// Issues tokens with the lifetimes of the settings. It records them in the mint audit before a client gets them.
struct TokenGrants: Sendable {
  private let issuer: TokenIssuer
  private let audit: any MintAuditStore
  private let reserve: SpaceReserve?
  private let failures: FailureLog
  private let accessSeconds: Int
  private let refreshSeconds: Int
  private let recordedSeconds: Int
  private let isAuditRequired: Bool

  init(
    settings: Settings, keys: KeyRing, audit: any MintAuditStore, reserve: SpaceReserve?, clock: Clock,
    logger: Logger
  ) {
    self.audit = audit
    self.reserve = reserve
    failures = FailureLog(logger)
    issuer = TokenIssuer(
      ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock)
    accessSeconds = settings.accessTokenMinutes * 60
    refreshSeconds = settings.refreshTokenDays * 86400
    recordedSeconds = settings.mintAuditMinimumSeconds
    isAuditRequired = settings.mintAuditRequired
  }

  /// Checks that ``pair(subject:role:claims:cookie:)`` won't fail for lack of disk space. A route calls it before it
  /// uses up a challenge.
  /// - Throws: ``StoreError`` if there is less free space than the reserve, and tokens must be recorded.
  func checkSpace() throws(StoreError) {
    let isRecorded = max(accessSeconds, refreshSeconds) >= recordedSeconds
    if isAuditRequired && isRecorded { try reserve?.require() }
  }

  /// Issues an access token and a refresh token.
  /// - Parameters:
  ///   - subject: `sub` of both.
  ///   - role: `role` of both.
  ///   - claims: further claims of the access token.
  ///   - cookie: the cookie that also carries the access token; nil for none.
  /// - Returns: the answer. A route may add members to it.
  /// - Throws: ``StoreError`` if the tokens can't be recorded and must be; ``Problem`` 400 if the access token is too
  ///   long for the cookie.
  func pair(
    subject: String, role: String, claims: [(name: String, value: String)] = [], cookie: SessionCookie?
  ) throws -> TokenAnswer {
    let access = issuer.draft(subject: subject, role: role, lifetime: accessSeconds, claims: claims)
    let refresh = issuer.draft(
      subject: subject, role: role, lifetime: refreshSeconds, claims: [("type", "refresh")])
    try cookie?.checkLength(access.length)
    let (accessText, refreshText) = try recording([mint(access, .access), mint(refresh, .refresh)]) {
      (try access.sign(), try refresh.sign())
    }
    var answer = JSONObjectWriter()
    answer.add("access_token", accessText)
    answer.add("refresh_token", refreshText)
    answer.add("token_type", "Bearer")
    answer.add("expires_in", accessSeconds)
    return TokenAnswer(
      members: answer, cookieField: cookie?.field(token: accessText, lifetime: accessSeconds))
  }

  /// Issues the token of a fleet session.
  /// - Parameters:
  ///   - sessionID: `sub` and `session_id`.
  ///   - agent: `agent_id`.
  ///   - role: `role`.
  ///   - scope: `scope`; the claim is left out if it is empty.
  ///   - lifetime: seconds.
  /// - Returns: the token, and its `exp` in seconds since 1970.
  /// - Throws: ``StoreError`` if the token can't be recorded and must be.
  func fleetSession(
    _ sessionID: String, agent: String, role: String, scope: String, lifetime: Int
  ) throws -> (token: String, expiry: Int) {
    var claims = [(name: "session_id", value: sessionID), (name: "agent_id", value: agent)]
    if !scope.isEmpty { claims.append((name: "scope", value: scope)) }
    let draft = issuer.draft(subject: sessionID, role: role, lifetime: lifetime, claims: claims)
    let token = try recording([mint(draft, .sign, scope: scope, agentID: agent, sessionID: sessionID)]) {
      try draft.sign()
    }
    return (token, draft.expiry)
  }

  private func mint(
    _ token: TokenDraft, _ kind: Mint.Kind, scope: String = "", agentID: String = "",
    sessionID: String = ""
  ) -> Mint {
    Mint(
      tokenID: token.tokenID, subject: token.subject, role: token.role, issuedAt: token.issuedAt,
      expiry: token.expiry, kind: kind, scope: scope, agentID: agentID, sessionID: sessionID)
  }

  /// Signs tokens while the disk writes their record, so that a client waits for the longer of the two only.
  /// - Returns: the signed tokens, once the record is on the disk.
  private func recording<Signed>(_ mints: [Mint], _ sign: () throws -> Signed) throws -> Signed {
    // The mint audit is the only trace of a fleet session. So it is recorded even if its lifetime is short.
    let recorded = mints.filter {
      $0.kind == Mint.Kind.sign.rawValue || $0.expiry - $0.issuedAt >= recordedSeconds
    }
    guard !recorded.isEmpty else { return try sign() }
    let wait = try attempting { try audit.begin(recorded) }
    let signed = try sign()
    try attempting { try wait?() }
    return signed
  }

  /// Runs a step of recording. A failed step doesn't prevent the grant if `mint_audit_required` is false.
  /// - Returns: what the step returns; nil if it failed.
  /// - Throws: what the step throws, if `mint_audit_required` is true.
  private func attempting<Value>(_ step: () throws -> Value) throws -> Value? {
    do {
      return try step()
    } catch {
      if isAuditRequired { throw error }
      failures.error("tokens issued without a record", ["reason": "\(error)"])
      return nil
    }
  }
}

/// An answer with tokens.
struct TokenAnswer {
  /// The members of the JSON object.
  var members: JSONObjectWriter
  /// The value of the Set-Cookie field; nil if the answer sets no cookie.
  let cookieField: String?

  var response: Response {
    .json(members.finish(), fields: cookieField.map { [.setCookie: $0] } ?? [:])
  }
}
