import POSIX
import Stores
import Tokens
import Wire

/// Ends sessions and revokes tokens, for the routes and the command line.
///
/// The gate asks the session store, so it refuses the tokens of an ended session at once. Programs that check tokens
/// by themselves learn of it from the list of revoked tokens, so live access tokens are revoked too.
public struct SessionEnds: Sendable {
  /// The actor of what the server revokes by itself.
  public static let server = "pico-auth"
  /// How many tokens are read and revoked at a time.
  private static let batchSize = 5000

  private let store: any SessionStore
  private let revocations: any RevocationStore
  private let mints: any MintAuditStore
  private let clock: Clock

  public init(
    store: any SessionStore, revocations: any RevocationStore, mints: any MintAuditStore, clock: Clock
  ) {
    self.store = store
    self.revocations = revocations
    self.mints = mints
    self.clock = clock
  }

  /// What ended.
  public struct Outcome: Sendable, Equatable {
    /// How many live sessions.
    public let sessions: Int
    /// How many live tokens stand on the list of revoked tokens because of it.
    public let tokens: Int
  }

  /// A revoked token.
  public struct RevokedToken: Sendable {
    public let revocation: Revocation
    /// Whether the mint audit knows the token.
    public let isKnown: Bool
    /// The session of the token, which has ended too; nil if it has none.
    public let session: String?
  }

  /// Revokes a token by its `jti`, and ends its session: whoever has one token of it may have the others.
  /// - Parameter actor: the `sub` of the caller.
  /// - Throws: ``StoreError``.
  public func revoke(_ tokenID: String, reason: String, by actor: String) throws -> RevokedToken {
    // If the mint audit fails, the token is revoked anyway.
    let mint = (try? mints.mint(ofTokenID: tokenID)) ?? nil
    let revocation = try revocations.revoke(
      tokenID, reason: reason, by: actor, expiry: mint?.knownExpiry)
    let session =
      mint.map(\.session).flatMap { $0.isEmpty ? nil : $0 } ?? Adoption.session(in: revocation.reason)
    if let session { try end(session, reason: reason, by: actor) }
    return RevokedToken(revocation: revocation, isKnown: mint != nil || session != nil, session: session)
  }

  /// Revokes a token whose claims are verified, and ends its session.
  /// - Throws: ``StoreError``.
  public func revoke(
    _ claims: Claims, _ tokenID: String, reason: String, by actor: String
  ) throws -> RevokedToken {
    let revocation = try revocations.revoke(
      tokenID, reason: reason, by: actor, expiry: claims.expiry.flatMap { Int(exactly: $0.rounded(.up)) })
    // A refresh token that a session took over is revoked already.
    let session = claims.session ?? Adoption.session(in: revocation.reason)
    if let session { try end(session, reason: reason, by: actor) }
    return RevokedToken(revocation: revocation, isKnown: true, session: session)
  }

  /// Ends a session. If it has ended already, its tokens are revoked again where they aren't.
  /// - Returns: nil if there is no such session.
  /// - Throws: ``StoreError``.
  @discardableResult
  public func end(_ id: String, reason: String, by actor: String) throws -> Outcome? {
    var wasLive = false
    let write = try store.change(id) { session in
      wasLive = session.end == nil && session.start.expiresAt > clock.seconds
      return wasLive ? .end(reason: reason.isEmpty ? "revoked" : reason) : .keep
    }
    guard let write else { return nil }
    try write.waitUntilDurable()
    return Outcome(
      sessions: wasLive ? 1 : 0, tokens: try revokeAccess(of: write.session, reason: reason, by: actor))
  }

  /// Revokes the live access tokens of a session that has ended. Its record has the last two, and the mint audit has
  /// earlier ones.
  /// - Returns: how many were live.
  /// - Throws: ``StoreError``.
  @discardableResult
  public func revokeAccess(of session: Session, reason: String, by actor: String) throws -> Int {
    guard let tokens = session.tokens, tokens.accessExpiry > clock.seconds else { return 0 }
    var live = recordedAccess(of: session)
    if tokens.generation > 2 {
      var query = MintQuery(limit: Self.batchSize)
      query.session = session.id
      query.expiringAfter = clock.seconds
      try forEachPage(query) { mints in
        live += mints.filter { mint in
          mint.kind == Mint.Kind.access.rawValue
            && !live.contains { $0.tokenID.hasSameBytes(as: mint.tokenID) }
        }.map { ($0.tokenID, $0.knownExpiry) }
      }
    }
    return try revoke(live, reason, actor)
  }

  /// The access tokens in a session's record that may be live.
  private func recordedAccess(of session: Session) -> [(tokenID: String, expiry: Int?)] {
    guard let tokens = session.tokens, tokens.accessExpiry > clock.seconds else { return [] }
    // The earlier token was issued before, so it expires no later.
    let tokenIDs = [tokens.accessID] + (tokens.earlierAccessID.map { [$0] } ?? [])
    return tokenIDs.map { ($0, tokens.accessExpiry) }
  }

  private func forEachPage(_ query: MintQuery, _ body: ([Mint]) throws -> Void) throws {
    var query = query
    while true {
      let page = try mints.list(query)
      try body(page.mints)
      guard let cursor = page.cursor else { return }
      query.before = cursor
    }
  }

  /// Ends all sessions of several subjects, and refuses every token that was issued to them until now.
  /// - Throws: ``StoreError``. Some may be ended then.
  public func end(subjects: [String], reason: String, by actor: String) throws -> Outcome {
    let outcomes = try subjects.map { try end(subject: $0, reason: reason, by: actor) }
    return Outcome(
      sessions: outcomes.reduce(0) { $0 + $1.sessions }, tokens: outcomes.reduce(0) { $0 + $1.tokens })
  }

  /// Ends all sessions of a subject, and refuses every token that was issued to it until now.
  /// - Throws: ``StoreError``. The sessions may be ended then.
  public func end(subject: String, reason: String, by actor: String) throws -> Outcome {
    let end = try store.endAll(of: subject, reason: reason.isEmpty ? "subject revoked" : reason)
    var query = MintQuery(limit: Self.batchSize)
    query.subject = subject
    query.expiringAfter = clock.seconds
    var count = 0
    try forEachPage(query) { mints in
      let live = try mints.filter { try isCovered($0, by: end) }
      count += try revoke(live.map { ($0.tokenID, $0.knownExpiry) }, reason, actor)
    }
    return Outcome(
      sessions: end.sessions, tokens: count + (try revokeUnrecorded(of: subject, end, reason, actor)))
  }

  /// Revokes access tokens that are too short-lived for the mint audit, and stand in the sessions' records only.
  private func revokeUnrecorded(
    of subject: String, _ end: SubjectEnd, _ reason: String, _ actor: String
  ) throws -> Int {
    var query = SessionQuery(limit: Self.batchSize)
    query.subject = subject
    var count = 0
    while true {
      let page = try store.list(query)
      let live = page.sessions.filter { $0.createdAt <= end.at }.flatMap(recordedAccess)
      count += try revoke(live, reason, actor)
      guard let cursor = page.cursor else { return count }
      query.before = cursor
    }
  }

  /// Whether a token was issued before the end. The subject may have signed in again meanwhile.
  private func isCovered(_ mint: Mint, by end: SubjectEnd) throws -> Bool {
    guard Double(mint.issuedAt) >= end.at.rounded(.down), !mint.session.isEmpty,
      let session = try store.find(mint.session)
    else { return true }
    return session.createdAt <= end.at
  }

  private func revoke(
    _ tokens: [(tokenID: String, expiry: Int?)], _ reason: String, _ actor: String
  ) throws -> Int {
    let live = try tokens.filter { try !revocations.isRevoked($0.tokenID) }
    if !live.isEmpty { try revocations.revoke(live, reason: reason, by: actor) }
    return live.count
  }
}
