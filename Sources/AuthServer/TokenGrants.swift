import CGI
import Gate
import HTTPTypes
import Logging
import POSIX
import Stores
import Tokens
import Wire

/// Issues the tokens that routes hand out, with the lifetimes of the settings, and records them before
/// anybody gets them.
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

  /// Tells beforehand whether ``pair(subject:role:claims:cookie:)`` would be refused for want of disk space: for routes
  /// that use something up first.
  /// - Throws: ``StoreError`` where it would.
  func checkSpace() throws(StoreError) {
    let isRecorded = max(accessSeconds, refreshSeconds) >= recordedSeconds
    if isAuditRequired && isRecorded { try reserve?.require() }
  }

  /// Issues an access and a refresh token.
  /// - Parameters:
  ///   - claims: further claims of the access token.
  ///   - cookie: where the access token is to travel in it.
  /// - Returns: the answer, to which more members may be added.
  /// - Throws: ``StoreError`` where they can't be recorded and must be; ``Problem`` 400 for a token too long for
  ///   the cookie.
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
  ///   - lifetime: seconds.
  ///   - scope: left out where it is empty.
  /// - Returns: the token, and when it expires, seconds since 1970.
  /// - Throws: ``StoreError`` where it can't be recorded and must be.
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

  /// Signs tokens while their record makes its way to the disk.
  private func recording<Signed>(_ mints: [Mint], _ sign: () throws -> Signed) throws -> Signed {
    // A session that an agent got is always on record, however short it lives: nothing else tells of it.
    let recorded = mints.filter {
      $0.kind == Mint.Kind.sign.rawValue || $0.expiry - $0.issuedAt >= recordedSeconds
    }
    guard !recorded.isEmpty else { return try sign() }
    let wait = try attempting { try audit.begin(recorded) }
    let signed = try sign()
    try attempting { try wait?() }
    return signed
  }

  /// Does what belongs to recording; without it goes on where the settings say so.
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
  var members: JSONObjectWriter
  /// The value of Set-Cookie.
  let cookieField: String?

  var response: Response {
    .json(members.finish(), fields: cookieField.map { [.setCookie: $0] } ?? [:])
  }
}
