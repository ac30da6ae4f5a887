import POSIX
import Synchronization

/// How long a worker that is to stop takes for what.
///
/// A worker that is replaced stops gently: it answers all that has come, however long the peers take for it. One that ends
/// with its service has less time.
final class StopTimes: Sendable {
  /// How long connections that wait to be accepted are taken on. Nanoseconds.
  private static let acceptTime: UInt64 = 500_000_000
  /// How long requests that have begun to come are waited for. Nanoseconds.
  private static let finishTime: UInt64 = 1_000_000_000
  /// How long requests that have come are begun, and when the process ends although some still wait for a disk or a lock:
  /// before the supervisor kills it. Nanoseconds, since the worker was told not to be gentle.
  private static let serveTime: UInt64 = 1_700_000_000
  private static let totalTime: UInt64 = 4_500_000_000
  /// When a gentle stop ends: no answer takes longer. Nanoseconds.
  static let gentleTime: UInt64 = 610_000_000_000

  private let events: StopEvents
  private let began = Atomic<UInt64>(0)
  private let becameUrgent = Atomic<UInt64>(0)

  init(_ events: StopEvents) { self.events = events }

  var acceptsConnections: Bool { elapsed(began) < Self.acceptTime }

  var awaitsRequests: Bool { elapsed(began) < Self.finishTime }

  /// Whether requests that wait for a thread are still to run.
  var servesRequests: Bool { urgency < Self.serveTime && elapsed(began) < Self.gentleTime }

  /// Whether the process is to end now.
  var areOver: Bool { urgency >= Self.totalTime || elapsed(began) >= Self.gentleTime }

  /// Since when the stop isn't gentle. Nanoseconds; 0 while it is.
  private var urgency: UInt64 { events.areUrgent ? elapsed(becameUrgent) : 0 }

  /// The time since this was first asked for.
  private func elapsed(_ start: borrowing Atomic<UInt64>) -> UInt64 {
    let now = Clock.monotonicNanoseconds
    let (isFirst, began) = start.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    return isFirst ? 0 : now - min(began, now)
  }
}
