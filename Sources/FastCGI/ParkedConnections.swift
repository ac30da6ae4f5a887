import POSIX
import Synchronization

/// The connections that no thread is busy with: epoll tells when something comes on one of them.
///
/// They are known by their descriptors. Whoever has taken one out has it alone, until it is parked again or closed.
final class ParkedConnections: Sendable {
  private let connections = Monitor<[Int32: Connection]>([:])
  private let limited = Atomic<Int>(0)
  private let nextLook = Atomic<UInt64>(0)

  /// Whether any of them has a deadline.
  var haveDeadlines: Bool { limited.load(ordering: .relaxed) > 0 }

  func park(_ connection: Connection) {
    if connection.deadline != .max { limited.add(1, ordering: .relaxed) }
    connections.withLock { $0[connection.socket.descriptor] = connection }
  }

  /// Takes one out; nil where there is none of that descriptor.
  func take(_ descriptor: Int32) -> Connection? {
    guard let connection = connections.withLock({ $0.removeValue(forKey: descriptor) }) else { return nil }
    if connection.deadline != .max { limited.subtract(1, ordering: .relaxed) }
    return connection
  }

  /// Breaks off those whose deadline has passed. Looks at them once a second, however often it is called.
  func breakOffLate() {
    let now = Clock.monotonicNanoseconds
    let due = nextLook.load(ordering: .relaxed)
    guard now >= due,
      nextLook.compareExchange(expected: due, desired: now + 1_000_000_000, ordering: .relaxed).exchanged
    else { return }
    connections.withLock { connections in
      for connection in connections.values where connection.deadline < now { connection.breakOff() }
    }
  }

  /// Breaks off those that nothing has happened on for the longest time, so that there is room for new ones. Requests
  /// and answers that are under way come last.
  /// - Returns: whether there were any.
  func breakOffIdlest() -> Bool {
    connections.withLock { connections in
      let idle = connections.values.filter { !$0.isInTheMiddle }
      let candidates = (idle.isEmpty ? Array(connections.values) : idle).sorted { $0.lastStep < $1.lastStep }
      // Some at once: the next ones are to come in without another search.
      for connection in candidates.prefix(1 + connections.count / 16) { connection.breakOff() }
      return !candidates.isEmpty
    }
  }

  /// Refuses further requests on those that wait for one, having had one already.
  /// - Returns: how many others there are, as a first request, the rest of one, or the rest of an answer is on its way;
  ///   and on how many of them an answer.
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
