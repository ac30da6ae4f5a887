import POSIX
import Stores
import Tokens
import Wire

/// Looks up sessions that are neither ended nor over, and whose subject may still sign in.
public struct LiveSessions: Sendable {
  /// The reason in the record of a session whose subject may no longer sign in.
  static let notAllowed = "may no longer sign in"
  /// The shortest time between two notes of a use. Seconds.
  private static let touchInterval = 60

  private let store: any SessionStore
  private let directory: any SubjectDirectory
  private let idleSeconds: Int
  private let clock: Clock

  public init(store: any SessionStore, directory: any SubjectDirectory, idleSeconds: Int, clock: Clock) {
    self.store = store
    self.directory = directory
    self.idleSeconds = idleSeconds
    self.clock = clock
  }

  /// A live session, and what its subject is now.
  public struct Found: Sendable {
    public let session: Session
    public let standing: Standing
    /// When the session is over if nobody uses it. Seconds since 1970.
    public let expiry: Int
  }

  /// Finds a session.
  /// - Returns: nil if there is no such session, or it isn't live.
  /// - Throws: ``StoreError``, `WouldWait`.
  public func find(_ id: String) throws -> Found? {
    try store.find(id).flatMap(live)
  }

  /// Finds the session of a cookie, and notes that it is used.
  /// - Parameter value: the value of the cookie.
  /// - Returns: nil if the value opens no live session.
  /// - Throws: ``StoreError``, `WouldWait`.
  public func find(cookie value: String) throws -> Found? {
    guard let secret = SessionSecret(value), let session = try store.find(secret.id),
      let digest = session.start.cookieDigest,
      equalInConstantTime(SessionSecret.digest(secret.secret), digest), let found = live(session)
    else { return nil }
    let now = clock.seconds
    if now - session.lastUsedAt >= Self.touchInterval { try store.touch(session.id, at: now) }
    return found
  }

  private func live(_ session: Session) -> Found? {
    guard session.isLive(at: clock.seconds, idleSeconds: idleSeconds),
      let standing = directory.standing(of: session.start)
    else { return nil }
    return Found(session: session, standing: standing, expiry: session.expiry(idleSeconds: idleSeconds))
  }

  /// Whether a token without a session was issued before all sessions of its subject were ended.
  /// - Throws: ``StoreError``, `WouldWait`.
  public func isCutOff(_ claims: Claims) throws -> Bool {
    guard let subject = claims.subject, let cutoff = try store.cutoff(of: subject) else { return false }
    return !Self.isIssued(claims, after: cutoff)
  }

  /// Whether `iat` is in a later second. Tokens don't tell more.
  static func isIssued(_ claims: Claims, after cutoff: Double) -> Bool {
    guard let issuedAt = claims.issuedAt else { return false }
    return issuedAt >= cutoff.rounded(.down) + 1
  }

  /// Lists sessions. Those whose subject may no longer sign in are ended first.
  /// - Throws: ``StoreError``; ``UnknownCursor``.
  public func list(_ query: SessionQuery) throws -> SessionPage {
    let page = try store.list(query)
    let sessions = try page.sessions.compactMap { session -> Session? in
      guard session.isLive(at: clock.seconds, idleSeconds: idleSeconds),
        directory.standing(of: session.start) == nil
      else { return session }
      let write = try store.change(session.id) { $0.end == nil ? .end(reason: Self.notAllowed) : .keep }
      // The list says that it has ended.
      try write?.waitUntilDurable()
      return query.liveness == nil ? write?.session : nil
    }
    return SessionPage(sessions: sessions, cursor: page.cursor)
  }

  /// When a session is over if nobody uses or ends it. Seconds since 1970.
  public func expiry(of session: Session) -> Int { session.expiry(idleSeconds: idleSeconds) }

  /// The filter for sessions that are live now.
  public var liveness: SessionQuery.Liveness { .init(now: clock.seconds, idleSeconds: idleSeconds) }
}
