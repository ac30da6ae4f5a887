// Sessions: what follows from a sign-in. The module owns the tokens of a session, their rotation and the detection of
// their reuse, the secret of a session's cookie, and the ways in which sessions end. It knows no HTTP, no settings and
// no files: Stores keeps the records, Tokens signs, and a SubjectDirectory says who may still sign in.

import POSIX
import Stores
import Tokens
import Wire

/// Begins sessions and issues their tokens.
///
/// A session issues one pair of tokens after the other. Each refresh retires the refresh token that it takes. A retired
/// token that comes back is a sign that two clients have it, so the session ends. RFC 9700, section 4.14.2.
public struct SessionGrants: Sendable {
  /// How long before its end a kept access token is replaced: a fifth of its lifetime, but at most this. Seconds.
  private static let longestRemainder = 60

  private let issuer: TokenIssuer
  private let store: any SessionStore
  private let revocations: any RevocationStore
  private let recorder: MintRecorder
  private let directory: any SubjectDirectory
  private let limits: SessionLimits
  private let clock: Clock
  private let kept = KeptTokens()

  public init(
    issuer: TokenIssuer, store: any SessionStore, revocations: any RevocationStore, recorder: MintRecorder,
    directory: any SubjectDirectory, limits: SessionLimits, clock: Clock
  ) {
    self.issuer = issuer
    self.store = store
    self.revocations = revocations
    self.recorder = recorder
    self.directory = directory
    self.limits = limits
    self.clock = clock
  }

  // MARK: - Signing in

  /// Begins a session with tokens.
  /// - Throws: ``StoreError`` if the session or its tokens can't be recorded; `KeyError`.
  public func tokens(for signIn: SignIn) throws -> TokenPair {
    let end = clock.seconds + limits.sessionSeconds
    let tokens = newTokens(after: nil, until: end, hasRefresh: true)
    let write = try store.begin(signIn.start(until: end), tokens: tokens)
    let record: (() throws -> Void)?
    do {
      record = try recorder.begin(mints(write.session, tokens))
    } catch {
      // Nobody gets anything of this session.
      _ = try? store.change(write.session.id) { _ in .end(reason: "not issued") }
      throw error
    }
    try checkIsLive(write.session)
    return try finish(write, record)
  }

  /// Checks that nobody ended a session before its tokens were in the mint audit: the end didn't see them there.
  /// - Throws: ``StoreError``. Nobody gets anything of the session.
  private func checkIsLive(_ session: Session) throws {
    guard try store.find(session.id)?.end == nil else {
      throw StoreError("the session was ended before its tokens were handed out")
    }
  }

  /// Begins a session with a cookie.
  /// - Throws: ``StoreError`` if the session can't be recorded.
  public func cookie(for signIn: SignIn) throws -> CookieGrant {
    let secret = SessionSecret.newSecret()
    var start = signIn.start(until: clock.seconds + limits.sessionSeconds)
    start.cookieDigest = SessionSecret.digest(secret)
    let write = try store.begin(start, tokens: nil)
    try write.waitUntilDurable()
    return CookieGrant(
      session: write.session, value: SessionSecret(id: write.session.id, secret: secret).text,
      lifetime: limits.sessionSeconds)
  }

  // MARK: - Refreshing

  /// Exchanges a refresh token.
  ///
  /// Within the grace period, the predecessor of the session's tokens gets these tokens again: the answer to its first
  /// use may be lost. They are signed anew from the session's record, so every process gives the same.
  /// - Parameters:
  ///   - claims: the claims of the refresh token, which the caller has verified.
  ///   - client: the client that presents it.
  /// - Throws: ``RefreshFailure``; ``StoreError``; `KeyError`.
  public func refresh(_ claims: Claims, client: SignInClient) throws -> TokenPair {
    guard let tokenID = claims.tokenID else { throw RefreshFailure.noTokenID }
    guard let id = claims.session else {
      // One that isn't a string names no session of this server.
      guard claims.all["sid"] == nil else { throw RefreshFailure.ended }
      return try adopt(claims, tokenID, client)
    }
    if try revocations.isRevoked(tokenID) { throw RefreshFailure.ended }
    return try rotate(id, TokenID.key(tokenID), subject: claims.subject)
  }

  private func rotate(_ id: String, _ presented: String, subject: String?) throws -> TokenPair {
    var failure: RefreshFailure?
    var waitForRecord: (() throws -> Void)?
    var isRepetition = false
    let write = try store.change(id) { session in
      switch verdict(on: session, presented, subject) {
      case .rotates:
        let tokens = newTokens(after: session.tokens, until: session.start.expiresAt, hasRefresh: true)
        // The record comes first: a process that dies in between leaves a record of tokens that nobody has.
        waitForRecord = try recorder.begin(mints(session, tokens))
        return .issue(tokens)
      case .repeats:
        isRepetition = true
        return .keep
      case .fails(let reason, let change):
        failure = reason
        return change
      }
    }
    guard let write else { throw RefreshFailure.ended }
    if let failure {
      try write.waitUntilDurable()
      throw failure.with(write.session)
    }
    if isRepetition { waitForRecord = try recordAgain(write.session) }
    return try finish(write, waitForRecord)
  }

  private enum Verdict {
    case rotates
    case repeats
    case fails(RefreshFailure, SessionChange)
  }

  private func verdict(on session: Session, _ presented: String, _ subject: String?) -> Verdict {
    guard let tokens = session.tokens, let refreshID = tokens.refreshID,
      session.isLive(at: clock.seconds, idleSeconds: limits.idleSeconds),
      subject.map({ session.start.subject.hasSameBytes(as: $0) }) ?? false
    else { return .fails(.ended, .keep) }
    guard directory.standing(of: session.start) != nil else {
      return .fails(.mayNotSignIn(session), .end(reason: LiveSessions.notAllowed))
    }
    if refreshID.hasSameBytes(as: presented) { return .rotates }
    let age = clock.now - tokens.retiredAt
    if let retired = tokens.retiredID, retired.hasSameBytes(as: presented),
      abs(age) <= Double(limits.graceSeconds)
    {
      return .repeats
    }
    return .fails(.reused(session), .end(reason: "refresh token reused"))
  }

  /// Records the tokens of a session again if the mint audit has lost them in a power failure.
  private func recordAgain(_ session: Session) throws -> (() throws -> Void)? {
    guard let tokens = session.tokens, let refreshID = tokens.refreshID,
      try !recorder.isRecorded(refreshID)
    else { return nil }
    return try recorder.begin(mints(session, tokens))
  }

  /// Whether a refresh token, whose claims are verified, can be exchanged now.
  /// - Throws: ``StoreError``.
  public func isCurrent(_ claims: Claims) throws -> Bool {
    guard let tokenID = claims.tokenID, try !revocations.isRevoked(tokenID), let subject = claims.subject
    else {
      return false
    }
    guard let id = claims.session else {
      let cutoff = try store.cutoff(of: subject)
      return (cutoff.map { LiveSessions.isIssued(claims, after: $0) } ?? true)
        && directory.allowsRefresh(of: subject, role: claims.role ?? "user")
    }
    guard let session = try store.find(id) else { return false }
    if case .rotates = verdict(on: session, TokenID.key(tokenID), subject) { return true }
    return false
  }

  // MARK: - Refresh tokens without a session

  /// Begins a session for a refresh token of another program, or of an earlier version. It works once: its revocation
  /// names the session that takes over, so that a repetition finds it.
  private func adopt(_ claims: Claims, _ tokenID: String, _ client: SignInClient) throws -> TokenPair {
    guard let subject = claims.subject, !subject.isEmpty else { throw RefreshFailure.noSubject }
    let expiry = claims.expiry.flatMap { Int(exactly: $0.rounded(.up)) }
    let key = TokenID.key(tokenID)
    if try revocations.isRevoked(tokenID) {
      // The first entry of a token stays, whatever the reason of a later one.
      let entry = try revocations.revoke(tokenID, reason: "", by: subject, expiry: expiry)
      guard let successor = Adoption.session(in: entry.reason) else { throw RefreshFailure.ended }
      return try rotate(successor, key, subject: subject)
    }
    if let cutoff = try store.cutoff(of: subject), !LiveSessions.isIssued(claims, after: cutoff) {
      throw RefreshFailure.ended
    }
    // A token without a role, which older servers issued, gets the role with the fewest rights.
    let role = claims.role.flatMap { $0.isEmpty ? nil : $0 } ?? "user"
    guard directory.allowsRefresh(of: subject, role: role) else { throw RefreshFailure.mayNotSignIn(nil) }
    let signIn = SignIn(
      subject: subject, role: role, method: SignIn.adopted,
      credential: directory.credential(of: subject, role: role), client: client)
    let end = clock.seconds + limits.sessionSeconds
    var tokens = newTokens(after: nil, until: end, hasRefresh: true)
    (tokens.retiredID, tokens.retiredAt) = (key, clock.now)
    let write = try store.begin(signIn.start(until: end), tokens: tokens)
    // The entry must not name a session that a power failure can undo.
    try write.waitUntilDurable()
    let entry = try revocations.revoke(
      tokenID, reason: Adoption.reason(write.session.id), by: subject, expiry: expiry)
    guard let successor = Adoption.session(in: entry.reason) else { throw RefreshFailure.ended }
    if successor.hasSameBytes(as: write.session.id) {
      let record = try recorder.begin(mints(write.session, tokens))
      try checkIsLive(write.session)
      return try finish(write, record)
    }
    _ = try store.change(write.session.id) { _ in .end(reason: "another request was first") }
    return try rotate(successor, key, subject: subject)
  }

  // MARK: - Access tokens of sessions with a cookie

  /// The access token of a session with a cookie, for an application that asks for one. The session keeps it until it
  /// is nearly over, and every process gives the same.
  /// - Returns: nil if the session has ended meanwhile.
  /// - Throws: ``StoreError``; `KeyError`; `WouldWait` if a new one is due and the thread may not wait.
  public func accessToken(of session: Session) throws -> String? {
    if let tokens = session.tokens, isFresh(tokens) { return try kept(session, tokens) }
    guard Waiting.isAllowed else { throw WouldWait() }
    var waitForRecord: (() throws -> Void)?
    let write = try store.change(session.id) { session in
      let isLive = session.isLive(at: clock.seconds, idleSeconds: limits.idleSeconds)
      if !isLive || session.tokens.map(isFresh) ?? false { return .keep }
      let tokens = newTokens(after: session.tokens, until: session.start.expiresAt, hasRefresh: false)
      waitForRecord = try recorder.begin(mints(session, tokens))
      return .issue(tokens)
    }
    guard let write, let tokens = write.session.tokens, write.session.end == nil, isFresh(tokens) else {
      return nil
    }
    let token = try kept(write.session, tokens)
    try recorder.wait(waitForRecord)
    try write.waitUntilDurable()
    return token
  }

  private func isFresh(_ tokens: SessionTokens) -> Bool {
    let lifetime = tokens.accessExpiry - tokens.issuedAt
    let age = clock.seconds - tokens.issuedAt
    // A clock that was set back: the token isn't valid yet.
    return age >= 0 && lifetime - age > min(Self.longestRemainder, lifetime / 5)
  }

  private func kept(_ session: Session, _ tokens: SessionTokens) throws -> String {
    try kept.token(tokens.accessID) { try accessDraft(session, tokens).sign() }
  }

  // MARK: - Tokens

  private func newTokens(after earlier: SessionTokens?, until end: Int, hasRefresh: Bool) -> SessionTokens {
    let now = clock.now
    let seconds = Int(now)
    return SessionTokens(
      generation: (earlier?.generation ?? 0) + 1, accessID: TokenIssuer.newTokenID(),
      earlierAccessID: earlier?.accessID, refreshID: hasRefresh ? TokenIssuer.newTokenID() : nil,
      retiredID: earlier?.refreshID, issuedAt: seconds,
      accessExpiry: min(seconds + limits.accessSeconds, end),
      refreshExpiry: hasRefresh ? min(seconds + limits.refreshSeconds, end) : 0,
      retiredAt: earlier == nil ? 0 : now)
  }

  private func accessDraft(_ session: Session, _ tokens: SessionTokens) -> TokenDraft {
    issuer.draft(
      subject: session.start.subject, role: session.start.role, tokenID: tokens.accessID,
      issuedAt: tokens.issuedAt, expiry: tokens.accessExpiry,
      claims: session.start.accessClaims + [("sid", session.id)])
  }

  private func mints(_ session: Session, _ tokens: SessionTokens) -> [Mint] {
    let start = session.start
    func mint(_ tokenID: String, _ expiry: Int, _ kind: Mint.Kind) -> Mint {
      Mint(
        tokenID: tokenID, subject: start.subject, role: start.role, issuedAt: tokens.issuedAt, expiry: expiry,
        kind: kind, session: session.id)
    }
    var mints = [mint(tokens.accessID, tokens.accessExpiry, .access)]
    if let refreshID = tokens.refreshID { mints.append(mint(refreshID, tokens.refreshExpiry, .refresh)) }
    return mints
  }

  /// Signs the tokens of a session's record.
  private func sign(_ session: Session) throws -> TokenPair {
    guard let tokens = session.tokens, let refreshID = tokens.refreshID else {
      throw StoreError("the session has no tokens")
    }
    let start = session.start
    let refresh = issuer.draft(
      subject: start.subject, role: start.role, tokenID: refreshID, issuedAt: tokens.issuedAt,
      expiry: tokens.refreshExpiry, claims: [("sid", session.id)], isRefresh: true)
    return TokenPair(
      session: session, accessToken: try accessDraft(session, tokens).sign(),
      refreshToken: try refresh.sign(),
      accessLifetime: tokens.accessExpiry - tokens.issuedAt)
  }

  /// Signs while the disk writes, so that a client waits for the longer of the two only.
  /// - Parameter record: the wait for the tokens' record in the mint audit.
  private func finish(_ write: SessionWrite, _ record: (() throws -> Void)?) throws -> TokenPair {
    let pair = try sign(write.session)
    try recorder.wait(record)
    try write.waitUntilDurable()
    return pair
  }
}
