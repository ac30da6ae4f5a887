/// The sessions of everybody who signed in.
///
/// All workers share a store. Any number of threads and processes may call each method at once. What a method
/// or a ``SessionWrite`` promises survives a killed process and a power failure.
public protocol SessionStore: Sendable {
  /// Begins a session.
  /// - Returns: the session with its identifier. Wait for the write before you hand out anything of it.
  /// - Throws: ``StoreError``.
  func begin(_ start: SessionStart, tokens: SessionTokens?) throws -> SessionWrite

  /// Finds a session. A session of a subject whose sessions were all ended since has an ``Session/end``.
  /// - Returns: nil if the store has no such session, or not any more.
  /// - Throws: ``StoreError`` if the store can't tell. Refuse the session then. `WouldWait` if the thread may
  ///   not wait and has to.
  func find(_ id: String) throws -> Session?

  /// Changes a session. No other process changes it meanwhile.
  /// - Parameter decide: gets the session as it is now and returns the change. The store calls it at most once
  ///   and writes nothing if it throws. It must not call this store.
  /// - Returns: the session after the change; nil if there is no such session. Waiting for the write also
  ///   waits for earlier changes of the session, so wait even if you changed nothing.
  /// - Throws: ``StoreError``, and what `decide` throws.
  func change(_ id: String, _ decide: (Session) throws -> SessionChange) throws -> SessionWrite?

  /// Notes that a session was used now. Doesn't wait for the disk, and does nothing if that would take long.
  func touch(_ id: String, at now: Int) throws

  /// Ends all sessions that a subject has now, by one record. ``cutoff(of:)`` returns the time of it from now
  /// on, in every process.
  /// - Returns: the time, and how many live sessions there were, once the record is durable.
  /// - Throws: ``StoreError``.
  func endAll(of subject: String, reason: String) throws -> SubjectEnd

  /// The time of the last ``endAll(of:reason:)`` for a subject; nil if there was none. Tokens without a session
  /// that were issued in that second or earlier are refused.
  /// - Returns: seconds since 1970, with a fraction.
  /// - Throws: as ``find(_:)`` does.
  func cutoff(of subject: String) throws -> Double?

  /// Lists sessions, newest first.
  ///
  /// ``SessionQuery/budget`` is a hint: a store may return fewer sessions than the limit, or none, with a
  /// cursor to go on from.
  /// - Throws: ``StoreError``; ``UnknownCursor`` if ``SessionQuery/before`` is not a cursor of this list.
  func list(_ query: SessionQuery) throws -> SessionPage

  /// Prepares for many look-ups. A long-lived process calls it once at its start. The default implementation
  /// does nothing.
  /// - Throws: ``StoreError`` if the process must not start. A damaged store that refuses its sessions needn't throw.
  func prepare() throws

  /// Checks that the store can write a record now, and leaves nothing behind. The default implementation does
  /// nothing.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension SessionStore {
  public func prepare() throws {}
  public func checkWritable() throws {}
}

/// A change of a session.
public enum SessionChange: Sendable {
  /// None.
  case keep
  /// New tokens take the place of the session's last ones. The session is used now.
  case issue(SessionTokens)
  /// The session ends. One that has ended keeps its first end.
  case end(reason: String)
}

/// A session that was written, and the wait for the disk.
public struct SessionWrite {
  /// The session after the write.
  public let session: Session
  private let wait: () throws -> Void

  /// - Parameter waitUntilDurable: see ``waitUntilDurable()``.
  public init(_ session: Session, waitUntilDurable: @escaping () throws -> Void = {}) {
    self.session = session
    wait = waitUntilDurable
  }

  /// Waits until the write is durable. The caller can do other work before it calls this.
  /// - Throws: ``StoreError`` if the write isn't durable.
  public func waitUntilDurable() throws { try wait() }
}

/// The result of ending all sessions of a subject.
public struct SubjectEnd: Sendable, Equatable {
  /// Sessions that began until then are ended. Seconds since 1970, with a fraction.
  public let at: Double
  /// How many sessions of the subject were neither ended nor past their absolute end.
  public let sessions: Int

  public init(at: Double, sessions: Int) {
    self.at = at
    self.sessions = sessions
  }
}

/// The sessions that a caller wants.
public struct SessionQuery: Sendable {
  /// The maximum number of sessions on a page.
  public var limit: Int
  /// The cursor of an earlier page.
  public var before: String?
  /// `sub`, compared byte by byte; nil matches any. A store finds the sessions of one subject without
  /// looking at those of others.
  public var subject: String?
  /// Matches only sessions that are live; nil matches any.
  public var liveness: Liveness?
  /// How much the store looks at before it returns what it has. The default is unlimited.
  public var budget = ScanBudget.unlimited

  /// What makes a session live.
  public struct Liveness: Sendable {
    /// Seconds since 1970.
    public let now: Int
    /// How long a session with a cookie may be unused. Seconds.
    public let idleSeconds: Int

    public init(now: Int, idleSeconds: Int) {
      self.now = now
      self.idleSeconds = idleSeconds
    }
  }

  public init(limit: Int) {
    self.limit = limit
  }

  /// Whether a session matches the filters.
  public func includes(_ session: Session) -> Bool {
    (subject.map { $0.utf8.elementsEqual(session.start.subject.utf8) } ?? true)
      && (liveness.map { session.isLive(at: $0.now, idleSeconds: $0.idleSeconds) } ?? true)
  }
}

/// A page of the sessions that a caller wants.
public struct SessionPage: Sendable {
  /// Newest first.
  public let sessions: [Session]
  /// Where the next page begins, or nil if this is the last page.
  public let cursor: String?

  public init(sessions: [Session], cursor: String?) {
    self.sessions = sessions
    self.cursor = cursor
  }
}
