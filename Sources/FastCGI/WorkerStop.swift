import Glibc
import POSIX

/// What each thread of a worker does once the worker is to stop: answers what has come, and what is on its way, which is
/// the rest of requests that have begun and the first of connections that are new. Others are told that they are too
/// late.
struct WorkerStop {
  /// How long connections that wait to be accepted are taken on, how long requests that have begun to come are waited
  /// for, how long those that have come are begun, and when the process ends although some still wait for a disk or a
  /// lock: before the supervisor kills it. Nanoseconds.
  private static let acceptTime: UInt64 = 500_000_000
  private static let finishTime: UInt64 = 1_000_000_000
  private static let serveTime: UInt64 = 1_700_000_000
  static let totalTime: UInt64 = 4_500_000_000
  /// How long a thread sleeps when it finds nothing to do. Microseconds.
  private static let pause: UInt32 = 2000

  private let loop: WorkerLoop
  private let start: UInt64

  /// - Parameter start: when the first thread found out, in ``Clock/monotonicNanoseconds``.
  init(_ loop: WorkerLoop, start: UInt64) {
    self.loop = loop
    self.start = start
  }

  func run(_ buffer: UnsafeMutableRawBufferPointer) {
    while !hasPassed(Self.serveTime) {
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
      if !hasPassed(Self.acceptTime), case .connection(let connection) = loop.acceptor.accept() {
        isIdle = false
        advance(connection, buffer)
      }
      guard isIdle else { continue }
      if awaited == 0 || hasPassed(Self.finishTime) { return }
      usleep(Self.pause)
    }
    loop.refuseWaiting()
  }

  private func advance(_ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer) {
    if loop.advance(connection, buffer) == .run { loop.runJobs(connection) }
  }

  private func hasPassed(_ time: UInt64) -> Bool { Clock.monotonicNanoseconds >= start + time }
}
