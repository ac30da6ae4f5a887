import POSIX
import Synchronization

/// The connections that no thread works on. epoll reports them by their descriptors.
///
/// The thread that takes a connection out owns it until it parks or closes it.
final class ParkedConnections: Sendable {
  private let connections = Monitor<[Int32: Connection]>([:])
  private let deadlineCount = Atomic<Int>(0)
  private let nextCheck = Atomic<UInt64>(0)

  /// Whether any connection has a deadline.
  var haveDeadlines: Bool { deadlineCount.load(ordering: .relaxed) > 0 }

  func park(_ connection: Connection) {
    if connection.deadline != .max { deadlineCount.add(1, ordering: .relaxed) }
    connections.withLock { $0[connection.socket.descriptor] = connection }
  }

  /// Takes a connection out; nil if none with this descriptor is parked.
  func take(_ descriptor: Int32) -> Connection? {
    guard let connection = connections.withLock({ $0.removeValue(forKey: descriptor) }) else { return nil }
    if connection.deadline != .max { deadlineCount.subtract(1, ordering: .relaxed) }
    return connection
  }

  /// Disconnects the connections whose deadline has passed. Checks once a second at most, however often it is called.
  func disconnectOverdue() {
    let now = Clock.monotonicNanoseconds
    let due = nextCheck.load(ordering: .relaxed)
    guard now >= due,
      nextCheck.compareExchange(expected: due, desired: now + 1_000_000_000, ordering: .relaxed).exchanged
    else { return }
    connections.withLock { connections in
      for connection in connections.values where connection.deadline < now { connection.disconnect() }
    }
  }

  /// Disconnects the connections that have been idle longest, to free descriptors for new ones. Connections with a
  /// request or an answer under way are disconnected only if there are no others.
  /// - Returns: false if no connection is parked.
  func disconnectIdlest() -> Bool {
    connections.withLock { connections in
      let idle = connections.values.filter { !$0.isInTheMiddle }
      let candidates = (idle.isEmpty ? Array(connections.values) : idle).sorted { $0.lastStep < $1.lastStep }
      // One in sixteen at once, so that the next new connections need no search.
      for connection in candidates.prefix(1 + connections.count / 16) { connection.disconnect() }
      return !candidates.isEmpty
    }
  }

  /// Refuses further requests on kept connections that are idle.
  /// - Returns: how many other connections there are. These still expect a first request, the rest of a request, or
  ///   an answer. `answers` counts those that expect an answer.
  func refuseMore() -> (total: Int, answers: Int) {
    connections.withLock { connections in
      var others = (total: 0, answers: 0)
      for connection in connections.values {
        if connection.isUsed && !connection.isInTheMiddle {
          connection.refuseMore()
        } else {
          others.total += 1
          if connection.isAnswering || connection.job != nil { others.answers += 1 }
        }
      }
      return others
    }
  }
}
