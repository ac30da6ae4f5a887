import POSIX
import Stores
import Synchronization

/// Keeps sessions in memory. One process alone can use it, so it is for tests and demonstrations.
final class MemorySessionStore: SessionStore {
  private struct State {
    var sessions: [String: Session] = [:]
    /// The identifiers in the order in which the sessions began.
    var order: [String] = []
    var ends: [[UInt8]: SessionEnd] = [:]

    /// The session as it is now: ended if its subject's sessions were all ended since it began.
    func session(_ id: String) -> Session? {
      guard var session = sessions[id] else { return nil }
      if session.end == nil, let end = ends[Array(session.start.subject.utf8)], end.at >= session.createdAt {
        session.end = end
      }
      return session
    }
  }

  private let clock: Clock
  private let state = Mutex(State())

  init(clock: Clock = .system) {
    self.clock = clock
  }

  func begin(_ start: SessionStart, tokens: SessionTokens?) throws -> SessionWrite {
    let id = SecureRandom.bytes(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return state.withLock { state in
      let end = state.ends[Array(start.subject.utf8)]?.at ?? 0
      let session = Session(
        id: id, start: start, createdAt: max(clock.now, end + 0.001), lastUsedAt: clock.seconds,
        tokens: tokens)
      state.sessions[id] = session
      state.order.append(id)
      return SessionWrite(session)
    }
  }

  func find(_ id: String) -> Session? {
    state.withLock { $0.session(id) }
  }

  func change(_ id: String, _ decide: (Session) throws -> SessionChange) throws -> SessionWrite? {
    try state.withLock { state in
      guard var session = state.session(id) else { return nil }
      switch try decide(session) {
      case .keep: break
      case .issue(let tokens):
        session.tokens = tokens
        session.lastUsedAt = clock.seconds
      case .end(let reason):
        session.end = session.end ?? SessionEnd(at: clock.now, reason: reason)
      }
      state.sessions[id] = session
      return SessionWrite(session)
    }
  }

  func touch(_ id: String, at now: Int) {
    state.withLock { $0.sessions[id]?.lastUsedAt = now }
  }

  func endAll(of subject: String, reason: String) -> SubjectEnd {
    state.withLock { state in
      let sessions = state.order.compactMap { state.session($0) }
        .filter { $0.start.subject.utf8.elementsEqual(subject.utf8) }
      let live = sessions.count { $0.end == nil && $0.start.expiresAt > clock.seconds }
      // The clock may have been set back since a session began.
      let at = max(clock.now, sessions.map(\.createdAt).max() ?? 0)
      state.ends[Array(subject.utf8)] = SessionEnd(at: at, reason: reason)
      return SubjectEnd(at: at, sessions: live)
    }
  }

  func cutoff(of subject: String) -> Double? {
    state.withLock { $0.ends[Array(subject.utf8)]?.at }
  }

  func list(_ query: SessionQuery) throws -> SessionPage {
    try state.withLock { state in
      var ids = state.order.reversed()[...]
      if let before = query.before {
        guard let place = ids.firstIndex(of: before) else { throw UnknownCursor() }
        ids = ids[place...]
      }
      var page: [Session] = []
      for id in ids {
        guard let session = state.session(id), query.includes(session) else { continue }
        // The cursor of a page is the first session of the next one.
        if page.count == query.limit { return SessionPage(sessions: page, cursor: session.id) }
        page.append(session)
      }
      return SessionPage(sessions: page, cursor: nil)
    }
  }
}
