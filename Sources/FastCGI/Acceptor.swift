import CLinux
import Glibc
import Logging
import POSIX
import Synchronization

/// Accepts connections, as many as there are descriptors for; where there are none left, the idlest makes room.
final class Acceptor: Sendable {
  /// Descriptors that connections leave to files.
  private static let reserve = 32
  /// How long to wait where nothing can make room. Microseconds.
  private static let pause: UInt32 = 10_000

  enum Result {
    case connection(Connection)
    case none
    /// There are some, but no descriptors or memory for them yet.
    case noRoom
  }

  private let listener: Int32
  private let parked: ParkedConnections
  private let log: LimitedLog
  private let limit: Int
  private let open = Atomic<Int>(0)

  /// - Throws: ``SystemError``.
  init(_ listener: Int32, parked: ParkedConnections, log: LimitedLog) throws(SystemError) {
    self.listener = listener
    self.parked = parked
    self.log = log
    limit = max(1, Limits.raiseDescriptors() - Self.reserve)
    try retryingOnInterrupt("fcntl") {
      fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK)
    }
  }

  /// Accepts one connection, without waiting for it.
  func accept() -> Result {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    while open.load(ordering: .relaxed) < limit {
      let descriptor = accept4(listener, nil, nil, flags)
      if descriptor != -1 { return .connection(connection(descriptor)) }
      let error = SystemError(call: "accept4")
      switch error.code {
      case EAGAIN: return .none
      // A peer that went away again: accept(2) hands on what is wrong with a connection.
      case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
        ENOPROTOOPT, EOPNOTSUPP:
        continue
      default:
        log.error("no connection accepted", error)
        return makeRoom()
      }
    }
    return makeRoom()
  }

  private func connection(_ descriptor: Int32) -> Connection {
    open.add(1, ordering: .relaxed)
    return Connection(owning: descriptor) { [self] in open.subtract(1, ordering: .relaxed) }
  }

  private func makeRoom() -> Result {
    if !parked.breakOffIdlest() { usleep(Self.pause) }
    return .noRoom
  }
}

/// Logs what fails again and again, but no more than once a second.
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
