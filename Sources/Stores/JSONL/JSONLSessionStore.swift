import Logging
import POSIX
import Synchronization
import Wire

/// Sessions. Placeholder in memory.
public final class JSONLSessionStore: SessionStore {
  private struct State {
    var sessions: [String: Session] = [:]
    var order: [String] = []
    var cutoffs: [String: Double] = [:]
  }

  private let clock: Clock
  private let state = Mutex(State())

  /// - Parameters:
  ///   - path: the file. `<path>.subjects` and `<path>.lock` are beside it. All are made at first use.
  ///   - reserve: the free space that new sessions must leave on the disk; nil for none.
  ///   - clock: the time of day.
  ///   - logger: gets what the store repairs or ignores.
  public init(path: String, reserve: SpaceReserve? = nil, clock: Clock, logger: Logger) {
    self.clock = clock
  }

  public func begin(_ start: SessionStart, tokens: SessionTokens?) throws -> SessionWrite {
    state.withLock { state in
      let id = String(decoding: Base64URL.encode(SecureRandom.bytes(24)), as: UTF8.self)
      let createdAt = max(clock.now, (state.cutoffs[start.subject] ?? 0) + 0.001)
      let session = Session(
        id: id, start: start, createdAt: createdAt, lastUsedAt: clock.seconds, tokens: tokens)
      state.sessions[id] = session
      state.order.append(id)
      return SessionWrite(session)
    }
  }

  private static func resolved(_ session: Session?, _ state: State) -> Session? {
    guard var session else { return nil }
    if session.end == nil, let cutoff = state.cutoffs[session.start.subject], cutoff >= session.createdAt {
      session.end = SessionEnd(at: cutoff, reason: "subject revoked")
    }
    return session
  }

  public func find(_ id: String) throws -> Session? {
    state.withLock { Self.resolved($0.sessions[id], $0) }
  }

  public func change(_ id: String, _ decide: (Session) throws -> SessionChange) throws -> SessionWrite? {
    try state.withLock { state in
      guard var session = Self.resolved(state.sessions[id], state) else { return nil }
      switch try decide(session) {
      case .keep: break
      case .issue(let tokens):
        session.tokens = tokens
        session.lastUsedAt = clock.seconds
      case .end(let reason):
        if session.end == nil { session.end = SessionEnd(at: clock.now, reason: reason) }
      }
      state.sessions[id] = session
      return SessionWrite(session)
    }
  }

  public func touch(_ id: String, at now: Int) throws {
    state.withLock { $0.sessions[id]?.lastUsedAt = now }
  }

  public func endAll(of subject: String, reason: String) throws -> SubjectEnd {
    state.withLock { state in
      let now = clock.now
      let live = state.sessions.values.filter {
        $0.start.subject.hasSameBytes(as: subject) && Self.resolved($0, state)?.end == nil
          && $0.start.expiresAt > clock.seconds
      }
      state.cutoffs[subject] = now
      return SubjectEnd(at: now, sessions: live.count)
    }
  }

  public func cutoff(of subject: String) throws -> Double? {
    state.withLock { $0.cutoffs[subject] }
  }

  public func list(_ query: SessionQuery) throws -> SessionPage {
    try state.withLock { state in
      let ids = Array(state.order.reversed())
      var start = 0
      if let before = query.before {
        guard let place = ids.firstIndex(of: before) else { throw UnknownCursor() }
        start = place + 1
      }
      var page: [Session] = []
      for id in ids[start...] {
        guard let session = Self.resolved(state.sessions[id], state), query.includes(session) else {
          continue
        }
        page.append(session)
        if page.count == query.limit { return SessionPage(sessions: page, cursor: id) }
      }
      return SessionPage(sessions: page, cursor: nil)
    }
  }
}
