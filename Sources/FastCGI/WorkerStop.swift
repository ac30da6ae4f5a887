import Glibc
import POSIX

/// What each thread of a stopping worker does. It answers the requests that have at least partly arrived, and the
/// first request of each new connection. It refuses all others.
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
      // Few at a time, so that every thread gets some. More than three, because the stop descriptors and the
      // listening socket may be among them each time.
      for descriptor in loop.events.poll(limit: 4) {
        guard let connection = loop.parked.take(descriptor) else { continue }
        isIdle = false
        // The worker closes kept connections now, so the web server must not send another request on this one.
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
