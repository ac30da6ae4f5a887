import Glibc
import POSIX

/// What each thread of a worker does once the worker is to stop. It answers the requests that have come, those of which a
/// part has come, and the first request of each new connection. It refuses all others.
struct WorkerStop {
  /// How long a thread sleeps when it finds nothing to do. Microseconds.
  private static let pause: UInt32 = 2000

  private let loop: WorkerLoop
  private let deadlines: StopDeadlines

  init(_ loop: WorkerLoop, _ deadlines: StopDeadlines) {
    self.loop = loop
    self.deadlines = deadlines
  }

  func run(_ buffer: UnsafeMutableRawBufferPointer) {
    while deadlines.servesRequests {
      loop.beat()
      let awaited = loop.parked.refuseMore()
      var isIdle = !loop.hasWaiting
      // A few at a time, so that every thread has some; more than those that tell of the stop and the listening socket,
      // which are always among them.
      for descriptor in loop.events.poll(limit: 4) {
        guard let connection = loop.parked.take(descriptor) else { continue }
        isIdle = false
        // Nobody keeps the connection, so its peer must not think that it could send anything more.
        if connection.isUsed && !connection.isInTheMiddle { connection.refuseMore() }
        advance(connection, buffer)
      }
      if deadlines.acceptsConnections, case .connection(let connection) = loop.acceptor.accept() {
        isIdle = false
        advance(connection, buffer)
      }
      guard isIdle else { continue }
      if awaited.total == 0 || awaited.answers == 0 && !deadlines.awaitsRequests { return }
      usleep(Self.pause)
    }
    loop.refuseWaiting()
  }

  private func advance(_ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer) {
    if loop.advance(connection, buffer) == .run { loop.runJobs(connection) }
  }
}
