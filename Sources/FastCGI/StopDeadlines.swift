import POSIX
import Synchronization

/// How long a stopping worker accepts connections, finishes requests and sends answers.
///
/// A worker that the supervisor replaces stops gracefully: it answers every request that has arrived, however slowly
/// the peers read. A worker that ends together with the service stops urgently, within seconds.
public final class StopDeadlines: Sendable {
  /// How long the worker accepts connections from the listening socket's backlog. Nanoseconds.
  private static let acceptTime: UInt64 = 500_000_000
  /// How long the worker waits for the rest of requests that have partly arrived. Nanoseconds.
  private static let finishTime: UInt64 = 1_000_000_000
  /// How long the worker starts requests that have arrived. Nanoseconds since the stop became urgent.
  private static let serveTime: UInt64 = 1_700_000_000
  /// When the process ends although requests still wait for a disk or a lock. The supervisor kills it after 5 s.
  /// Nanoseconds since the stop became urgent.
  private static let totalTime: UInt64 = 4_500_000_000
  /// The limit of a graceful stop: an answer may take 600 s, and its request 9 s before that. Nanoseconds.
  public static let gracePeriod: UInt64 = 610_000_000_000

  private let request: any StopRequest
  private let began = Atomic<UInt64>(0)
  private let becameUrgent = Atomic<UInt64>(0)

  init(_ request: any StopRequest) { self.request = request }

  var acceptsConnections: Bool { elapsed(began) < Self.acceptTime }

  var awaitsRequests: Bool { elapsed(began) < Self.finishTime }

  /// Whether the worker still runs requests that wait for a thread.
  var servesRequests: Bool { urgency < Self.serveTime && elapsed(began) < Self.gracePeriod }

  /// Whether the process must end now.
  var haveExpired: Bool { urgency >= Self.totalTime || elapsed(began) >= Self.gracePeriod }

  /// How long the stop has been urgent. Nanoseconds; 0 while it is graceful.
  private var urgency: UInt64 { request.isUrgent ? elapsed(becameUrgent) : 0 }

  /// The time since the first call for `start`, which sets it. Nanoseconds.
  private func elapsed(_ start: borrowing Atomic<UInt64>) -> UInt64 {
    let now = Clock.monotonicNanoseconds
    let (isFirst, began) = start.compareExchange(expected: 0, desired: now, ordering: .relaxed)
    return isFirst ? 0 : now - min(began, now)
  }
}
