import Glibc

/// How long the supervisor waits before it restarts a worker that fails soon after its start. The wait doubles with each
/// failure.
struct RestartBackOff {
  /// A worker that fails earlier than this after its start is restarted after a back-off. Seconds.
  private static let earlyFailure = 1.0
  /// The first and the longest back-off. Seconds.
  private static let range = 0.1...5.0

  /// The last back-off. Seconds.
  private var duration = 0.0
  /// The earliest time of the next start. Seconds of the monotonic clock.
  private(set) var nextStart = 0.0

  /// Notes that a worker ended. One that was killed, and one that ended well, is restarted at once.
  /// - Parameters:
  ///   - status: as `waitpid(2)` tells it.
  ///   - age: since the worker's start. Seconds.
  ///   - now: seconds of the monotonic clock.
  mutating func noteEnd(status: Int32, age: Double, now: Double) {
    if age < Self.earlyFailure && status != 0 && status & 0x7f != SIGKILL {
      noteFailure(now: now)
    } else {
      reset()
    }
  }

  /// Notes that a worker failed, or couldn't be started.
  mutating func noteFailure(now: Double) {
    duration = min(max(duration * 2, Self.range.lowerBound), Self.range.upperBound)
    nextStart = now + duration
  }

  /// Lets the next worker start at once.
  mutating func reset() { self = RestartBackOff() }

  /// Notes that a worker has run for long enough: its next failure is the first again.
  mutating func noteSuccess() { duration = 0 }
}
