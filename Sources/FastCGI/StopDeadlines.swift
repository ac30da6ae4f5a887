import POSIX
import Synchronization

/// How long a stopping worker spends on what.
///
/// A worker that is replaced stops gracefully: it answers every request that has come, however long the peers take. A
/// worker that ends with its service has less time.
public final class StopDeadlines: Sendable {
  /// How long the worker accepts connections that wait in the listening socket's queue. Nanoseconds.
  private static let acceptTime: UInt64 = 500_000_000
  /// How long the worker waits for the rest of requests that have begun to come. Nanoseconds.
  private static let finishTime: UInt64 = 1_000_000_000
  /// How long the worker starts requests that have come, and when the process ends although some still wait for a disk
  /// or a lock: before the supervisor kills it. Nanoseconds, from when the stop became urgent.
  private static let serveTime: UInt64 = 1_700_000_000
  private static let totalTime: UInt64 = 4_500_000_000
  /// When a graceful stop ends: no answer takes longer. Nanoseconds.
  public static let gracePeriod: UInt64 = 610_000_000_000

  private let request: any StopRequest
  private let began = Atomic<UInt64>(0)
  private let becameUrgent = Atomic<UInt64>(0)

  init(_ request: any StopRequest) { self.request = request }

  var acceptsConnections: Bool { elapsed(began) < Self.acceptTime }

  var awaitsRequests: Bool { elapsed(began) < Self.finishTime }

  /// Whether requests that wait for a thread are still to run.
  var servesRequests: Bool { urgency < Self.serveTime && elapsed(began) < Self.gracePeriod }

  /// Whether the process is to end now.
  var haveExpired: Bool { urgency >= Self.totalTime || elapsed(began) >= Self.gracePeriod }

  /// For how long the stop has been urgent. Nanoseconds; 0 while it is graceful.
  private var urgency: UInt64 { request.isUrgent ? elapsed(becameUrgent) : 0 }

  /// The time since this was first asked for.
  private func elapsed(_ start: borrowing Atomic<UInt64>) -> UInt64 {
    let now = Clock.monotonicNanoseconds
    let (isFirst, began) = start.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    return isFirst ? 0 : now - min(began, now)
  }
}
