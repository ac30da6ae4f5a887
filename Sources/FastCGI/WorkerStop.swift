import Glibc
import POSIX

/// What each thread of a worker does once the worker is to stop: answers what has come, and what is on its way, which is
/// the rest of requests that have begun and the first of connections that are new. Others are told that they are too
/// late.
struct WorkerStop {
  /// How long a thread sleeps when it finds nothing to do. Microseconds.
  private static let pause: UInt32 = 2000

  private let loop: WorkerLoop
  private let times: StopTimes

  init(_ loop: WorkerLoop, _ times: StopTimes) {
    self.loop = loop
    self.times = times
  }

  func run(_ buffer: UnsafeMutableRawBufferPointer) {
    while times.servesRequests {
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
      if times.acceptsConnections, case .connection(let connection) = loop.acceptor.accept() {
        isIdle = false
        advance(connection, buffer)
      }
      guard isIdle else { continue }
      if awaited.total == 0 || awaited.answers == 0 && !times.awaitsRequests { return }
      usleep(Self.pause)
    }
    loop.refuseWaiting()
  }

  private func advance(_ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer) {
    if loop.advance(connection, buffer) == .run { loop.runJobs(connection) }
  }
}
