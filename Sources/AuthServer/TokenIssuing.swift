import CGI
import HTTPTypes
import Logging
import POSIX
import Stores
import Tokens
import Wire

/// Issues the tokens that routes hand out, with the lifetimes of the settings, and records them before
/// anybody gets them.
struct TokenIssuing: Sendable {
  private let issuer: TokenIssuer
  private let audit: any MintAuditStore
  private let logger: Logger
  private let accessSeconds: Int
  private let refreshSeconds: Int
  private let recordedSeconds: Int
  private let isAuditRequired: Bool

  init(
    settings: Settings, keys: KeyRing, audit: any MintAuditStore, clock: Clock, logger: Logger
  ) {
    self.audit = audit
    self.logger = logger
    issuer = TokenIssuer(
      ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock)
    accessSeconds = settings.accessTokenMinutes * 60
    refreshSeconds = settings.refreshTokenDays * 86400
    recordedSeconds = settings.mintAuditMinimumSeconds
    isAuditRequired = settings.mintAuditRequired
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
    let access = try issuer.issue(
      subject: subject, role: role, lifetime: accessSeconds, claims: claims)
    let refresh = try issuer.issue(
      subject: subject, role: role, lifetime: refreshSeconds, claims: [("type", "refresh")])
    let cookieField = try cookie?.field(token: access.text, lifetime: accessSeconds)
    try record([mint(access, .access), mint(refresh, .refresh)])
    var answer = JSONObjectWriter()
    answer.add("access_token", access.text)
    answer.add("refresh_token", refresh.text)
    answer.add("token_type", "Bearer")
    answer.add("expires_in", accessSeconds)
    return TokenAnswer(members: answer, cookieField: cookieField)
  }

  /// Issues the token of a fleet session.
  /// - Parameters:
  ///   - lifetime: seconds.
  ///   - scope: left out where it is empty.
  /// - Throws: ``StoreError`` where it can't be recorded and must be.
  func session(
    _ sessionID: String, agent: String, role: String, scope: String, lifetime: Int
  ) throws -> IssuedToken {
    var claims = [(name: "session_id", value: sessionID), (name: "agent_id", value: agent)]
    if !scope.isEmpty { claims.append((name: "scope", value: scope)) }
    let token = try issuer.issue(subject: sessionID, role: role, lifetime: lifetime, claims: claims)
    try record([mint(token, .sign, scope: scope, agentID: agent, sessionID: sessionID)])
    return token
  }

  private func mint(
    _ token: IssuedToken, _ kind: Mint.Kind, scope: String = "", agentID: String = "",
    sessionID: String = ""
  ) -> Mint {
    Mint(
      tokenID: token.tokenID, subject: token.subject, role: token.role, issuedAt: token.issuedAt,
      expiry: token.expiry, kind: kind, scope: scope, agentID: agentID, sessionID: sessionID)
  }

  private func record(_ mints: [Mint]) throws {
    let lasting = mints.filter { $0.expiry - $0.issuedAt >= recordedSeconds }
    guard !lasting.isEmpty else { return }
    do {
      try audit.append(lasting)
    } catch {
      if isAuditRequired { throw error }
      logger.error("tokens issued without a record", metadata: ["reason": "\(error)"])
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
