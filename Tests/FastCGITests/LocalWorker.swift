import CGI
import CLinux
import Glibc
import POSIX
import TestSupport

@testable import FastCGI

/// This program's worker loop in the process of the tests, on a unix socket.
final class LocalWorker: Sendable {
  let path: String
  private let listener: FileHandle
  private let thread: pthread_t
  /// Closed, it ends the loop.
  private let lifeline = Monitor<FileHandle?>(nil)

  /// - Parameter threads: how many serve.
  init(
    path: String, threads: Int = 4, hashingLimit: Int = 0, heartbeat: (any LivenessReport)? = nil,
    handler: @escaping WorkerLoop.Handler
  ) throws {
    self.path = path
    let listener = try Self.listen(path)
    self.listener = listener
    var ends: [Int32] = [0, 0]
    // Whatever other tests start must not hold the lifeline open.
    try retryingOnInterrupt("socketpair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    }
    let reading = FileHandle(owning: ends[0])
    let writing = FileHandle(owning: ends[1])
    lifeline.withLock { $0 = writing }
    let logger = LogRecorder().logger
    let loop = try WorkerLoop(
      listener: listener.descriptor, stop: LifelineStop(lifeline: reading), threads: threads,
      hashingLimit: hashingLimit, heartbeat: heartbeat, logger: logger, handler: handler)
    try loop.start()
    thread = try POSIX.Thread.start { loop.waitUntilStopped() }
  }

  /// Ends the loop as the end of its supervisor does.
  func beginStop() { lifeline.withLock { $0 = nil } }

  /// The same, and waits for its end.
  /// - Returns: whether it ended.
  func stop() -> Bool {
    beginStop()
    return POSIX.Thread.join(thread, until: Clock.monotonicNanoseconds + 10_000_000_000)
  }

  private static func listen(_ path: String) throws -> FileHandle {
    let listener = FileHandle(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    _ = try withUnsafePointer(to: &address) { address in
      try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        try retryingOnInterrupt("bind") {
          bind(listener.descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    try retryingOnInterrupt("listen") { Glibc.listen(listener.descriptor, 128) }
    return listener
  }
}

/// Stops a worker loop when its lifeline closes. Unlike StopSignals, it looks at no signal: those of a process reach every loop
/// in it.
private struct LifelineStop: StopRequest {
  let lifeline: FileHandle

  var descriptors: [Int32] { [lifeline.descriptor] }
  var isUrgent: Bool { isReadable(within: 0) }
  func wait() { _ = isReadable(within: -1) }
  func stopGracefully() {}

  /// - Parameter timeout: milliseconds; -1 for any time.
  private func isReadable(within timeout: Int32) -> Bool {
    var state = pollfd(fd: lifeline.descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&state, 1, timeout)
      if count > 0 { return true }
      if timeout >= 0 { return false }
    }
  }
}
