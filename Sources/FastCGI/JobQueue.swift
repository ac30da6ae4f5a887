import POSIX
import Synchronization

/// The requests of one lane. A limited number runs at once. The others wait here without occupying a thread, and are
/// refused after a timeout.
final class JobQueue: Sendable {
  /// How long a request waits before it is refused. Nanoseconds.
  private static let waitTimeout: UInt64 = 5_000_000_000

  enum Admission {
    /// The caller runs it now, and then every connection that ``next()`` returns.
    case run
    case queued
    /// The queue is full.
    case refused
  }

  private struct Entry {
    let connection: Connection
    let deadline: UInt64
  }

  private struct State {
    var running = 0
    var waiting: [Entry] = []
    /// How many entries at the front of `waiting` were taken out.
    var taken = 0
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

  /// Runs, queues or refuses a connection's job.
  func admit(_ connection: Connection) -> Admission {
    state.withLock { state in
      if state.running < limit {
        state.running += 1
        return .run
      }
      guard state.waiting.count - state.taken < capacity else { return .refused }
      // An answer that has begun can't become a refusal.
      let deadline = connection.job == nil ? .max : Clock.monotonicNanoseconds + Self.waitTimeout
      state.waiting.append(Entry(connection: connection, deadline: deadline))
      waitingCount.add(1, ordering: .relaxed)
      return .queued
    }
  }

  /// The connection to run after one that is done; nil if none waits.
  func next() -> Connection? {
    state.withLock { state in
      guard state.taken < state.waiting.count else {
        state.running -= 1
        return nil
      }
      let connection = state.waiting[state.taken].connection
      state.taken += 1
      if state.taken == state.waiting.count || state.taken >= 1024 {
        state.waiting.removeFirst(state.taken)
        state.taken = 0
      }
      waitingCount.subtract(1, ordering: .relaxed)
      return connection
    }
  }

  /// Takes out the connections whose wait has timed out.
  func removeExpired() -> [Connection] {
    guard hasWaiting else { return [] }
    let now = Clock.monotonicNanoseconds
    return remove { $0.deadline <= now }
  }

  /// Takes out all waiting connections.
  func removeAll() -> [Connection] { remove { _ in true } }

  private func remove(where isRemoved: (Entry) -> Bool) -> [Connection] {
    state.withLock { state in
      let waiting = state.waiting[state.taken...]
      let removed = waiting.filter(isRemoved)
      guard !removed.isEmpty else { return [] }
      state.waiting = waiting.filter { !isRemoved($0) }
      state.taken = 0
      waitingCount.subtract(removed.count, ordering: .relaxed)
      return removed.map(\.connection)
    }
  }
}
