import POSIX
import Stores
import Synchronization

/// Counts failed attempts in memory. One process alone can use it, so it is for tests and demonstrations.
final class MemoryThrottleStore: ThrottleStore {
  private struct Entry {
    let limit: ThrottleLimit
    var count = ThrottleCount()
  }

  private static let capacity = 100_000
  private let entries = Mutex<[ThrottleSubject: Entry]>([:])
  /// Only right passwords add to it.
  private let signIns = Mutex<[ThrottleSubject: Double]>([:])
  private let clock: Clock

  init(clock: Clock) {
    self.clock = clock
  }

  func admit(_ limits: [ThrottleLimit]) -> ThrottleTicket? {
    let now = clock.now
    return entries.withLock { entries in
      for limit in limits { entries[limit.subject]?.count.correct(at: now) }
      let counts = limits.map { entries[$0.subject]?.count ?? ThrottleCount() }
      guard zip(limits, counts).allSatisfy({ $1.wait($0, at: now) == 0 }) else { return nil }
      let isCounted = zip(limits, counts).map { $1.isBeyond($0) }
      for limit in zip(limits, isCounted).filter({ $1 }).map(\.0) { Self.add(limit, to: &entries, at: now) }
      return ThrottleTicket(limits: limits, isCounted: isCounted)
    }
  }

  func isDelayed(_ limits: [ThrottleLimit]) -> Bool {
    let now = clock.now
    return entries.withLock { entries in
      limits.contains { (entries[$0.subject]?.count.wait($0, at: now) ?? 0) > 0 }
    }
  }

  func fail(_ ticket: ThrottleTicket) {
    let now = clock.now
    entries.withLock { entries in
      for limit in ticket.uncounted { Self.add(limit, to: &entries, at: now) }
    }
  }

  func succeed(_ ticket: ThrottleTicket) {
    entries.withLock { entries in
      for limit in ticket.counted { entries[limit.subject]?.count.takeBack() }
    }
  }

  func rememberSignIn(_ subject: ThrottleSubject) {
    let now = clock.now
    signIns.withLock { $0[subject] = now }
  }

  func lastSignIn(_ subject: ThrottleSubject) -> Double? { signIns.withLock { $0[subject] } }

  func list() -> [ThrottleEntry] {
    let now = clock.now
    return entries.withLock { entries in
      entries.values.compactMap { entry in
        let failures = entry.count.remaining(entry.limit, at: now)
        guard failures > 0 else { return nil }
        return ThrottleEntry(
          subject: entry.limit.subject, failures: failures, lastFailure: entry.count.lastFailure,
          wait: entry.count.wait(entry.limit, at: now))
      }
    }
  }

  func clear(_ subjects: [ThrottleSubject]) -> Int {
    entries.withLock { entries in subjects.count { entries.removeValue(forKey: $0) != nil } }
  }

  func clearAll() -> Int {
    entries.withLock { entries in
      defer { entries = [:] }
      return entries.count
    }
  }

  private static func add(
    _ limit: ThrottleLimit, to entries: inout [ThrottleSubject: Entry], at now: Double
  ) {
    if entries.count >= capacity && entries[limit.subject] == nil {
      // Those with the fewest failures go, so that a flood displaces nobody who is under attack.
      let order = entries.values.map { $0.count.remaining($0.limit, at: now) }.sorted()
      let median = order[order.count / 2]
      entries = entries.filter { $1.count.remaining($1.limit, at: now) > median }
    }
    entries[limit.subject, default: Entry(limit: limit)].count.add(limit, at: now)
  }
}
