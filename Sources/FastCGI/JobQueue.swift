import POSIX
import Synchronization

/// Requests of one lane: so many run at once, the others wait here, outside of a thread, and not for long.
final class JobQueue: Sendable {
  /// How long a request waits before it is refused. Nanoseconds.
  private static let waitTime: UInt64 = 5_000_000_000

  enum Admission {
    /// The caller is to run it now, and after it whatever ``next()`` gives.
    case run
    case queued
    /// Too many wait already.
    case refused
  }

  private struct Entry {
    let connection: Connection
    let deadline: UInt64
  }

  private struct State {
    var running = 0
    var waiting: [Entry] = []
    /// How many at the front of `waiting` have left.
    var left = 0
  }

  private let limit: Int
  private let capacity: Int
  private let state = Monitor(State())
  private let waitingCount = Atomic<Int>(0)

  /// - Parameters:
  ///   - limit: how many run at once.
  ///   - capacity: how many may wait.
  init(limit: Int, capacity: Int) {
    self.limit = limit
    self.capacity = capacity
  }

  var hasWaiting: Bool { waitingCount.load(ordering: .relaxed) > 0 }

  /// Whether nothing runs and nothing waits.
  var isIdle: Bool { state.withLock { $0.running == 0 && $0.waiting.isEmpty } }

  /// Lets a connection's job run, or takes the connection in.
  func admit(_ connection: Connection) -> Admission {
    state.withLock { state in
      if state.running < limit {
        state.running += 1
        return .run
      }
      guard state.waiting.count - state.left < capacity else { return .refused }
      // The rest of an answer that has begun can't be refused any more.
      let deadline = connection.job == nil ? .max : Clock.monotonicNanoseconds + Self.waitTime
      state.waiting.append(Entry(connection: connection, deadline: deadline))
      waitingCount.add(1, ordering: .relaxed)
      return .queued
    }
  }

  /// The next that is to run in place of one that has run; nil where none waits.
  func next() -> Connection? {
    state.withLock { state in
      guard state.left < state.waiting.count else {
        state.running -= 1
        return nil
      }
      let connection = state.waiting[state.left].connection
      state.left += 1
      if state.left == state.waiting.count || state.left >= 1024 {
        state.waiting.removeFirst(state.left)
        state.left = 0
      }
      waitingCount.subtract(1, ordering: .relaxed)
      return connection
    }
  }

  /// Takes out those that have waited for too long.
  func removeExpired() -> [Connection] {
    guard hasWaiting else { return [] }
    let now = Clock.monotonicNanoseconds
    return remove { $0.deadline <= now }
  }

  /// Takes out all that wait.
  func removeAll() -> [Connection] { remove { _ in true } }

  private func remove(where isRemoved: (Entry) -> Bool) -> [Connection] {
    state.withLock { state in
      let waiting = state.waiting[state.left...]
      let removed = waiting.filter(isRemoved)
      guard !removed.isEmpty else { return [] }
      state.waiting = waiting.filter { !isRemoved($0) }
      state.left = 0
      waitingCount.subtract(removed.count, ordering: .relaxed)
      return removed.map(\.connection)
    }
  }
}
