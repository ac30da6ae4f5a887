import CLinux
import Glibc
import Logging
import POSIX
import Synchronization

/// Accepts connections. When the process runs out of descriptors, it disconnects those that have been idle longest.
final class Acceptor: Sendable {
  /// Descriptors that connections never use, so that stores and logs can open their files.
  private static let reserve = 32
  /// How long to sleep when there is no descriptor left and no connection to disconnect. Microseconds.
  private static let pause: UInt32 = 10_000

  enum Result {
    case connection(Connection)
    /// No connection waits.
    case none
    /// A connection may wait, but the process has no descriptor or memory for it now.
    case noRoom
  }

  private let listener: Int32
  private let parked: ParkedConnections
  private let log: LimitedLog
  private let limit: Int
  private let open = Atomic<Int>(0)

  /// - Throws: ``SystemError`` (`fcntl`) if the listening socket can't be made non-blocking.
  init(_ listener: Int32, parked: ParkedConnections, log: LimitedLog) throws(SystemError) {
    self.listener = listener
    self.parked = parked
    self.log = log
    limit = max(1, Limits.raiseDescriptors() - Self.reserve)
    try retryingOnInterrupt("fcntl") {
      fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK)
    }
  }

  /// Accepts one connection if one waits. Doesn't block. `accept4(2)`.
  func accept() -> Result {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    while open.load(ordering: .relaxed) < limit {
      let descriptor = accept4(listener, nil, nil, flags)
      if descriptor != -1 { return .connection(connection(descriptor)) }
      let error = SystemError(call: "accept4")
      switch error.code {
      case EAGAIN: return .none
      // The peer has gone again. accept(2) reports pending network errors of the new connection; "Error handling"
      // there says to retry.
      case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
        ENOPROTOOPT, EOPNOTSUPP:
        continue
      default:
        log.error("can't accept connections, trying again", error)
        return freeDescriptors()
      }
    }
    return freeDescriptors()
  }

  private func connection(_ descriptor: Int32) -> Connection {
    open.add(1, ordering: .relaxed)
    return Connection(owning: descriptor) { [self] in open.subtract(1, ordering: .relaxed) }
  }

  private func freeDescriptors() -> Result {
    if !parked.disconnectIdlest() { usleep(Self.pause) }
    return .noRoom
  }
}

/// Logs errors that repeat, at most one a second.
final class LimitedLog: Sendable {
  private let logger: Logger
  private let last = Atomic<UInt64>(0)

  init(_ logger: Logger) { self.logger = logger }

  func error(_ what: String, _ error: any Error) {
    let now = Clock.monotonicNanoseconds
    let last = last.load(ordering: .relaxed)
    guard now > last + 1_000_000_000,
      self.last.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    else { return }
    logger.error("\(what)", metadata: ["reason": "\(error)"])
  }
}
