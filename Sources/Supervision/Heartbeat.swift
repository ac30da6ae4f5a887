import FastCGI
import Glibc
import POSIX
import Synchronization

/// The sign of life that a worker sends to its supervisor. The supervisor replaces a worker that sends none for
/// longer than `worker_timeout_seconds`.
public final class Heartbeat: LivenessReport {
  private let descriptor: Int32
  private let interval: UInt64
  private let last = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - descriptor: the writing end of the supervisor's pipe, non-blocking.
  ///   - interval: the longest time from one beat to the next. Seconds.
  public init(descriptor: Int32, interval: Double) {
    self.descriptor = descriptor
    self.interval = UInt64(interval * 1e9)
  }

  public var milliseconds: Int32 { Int32(clamping: interval / 1_000_000) }

  public func beat() {
    let now = Clock.monotonicNanoseconds
    let last = last.load(ordering: .relaxed)
    guard last == 0 || now >= last + interval / 2,
      self.last.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    else { return }
    report(getpid())
  }

  /// Reports that this worker accepts no more connections, so that the supervisor starts another in its place, however long
  /// web servers take for the last answers.
  public func reportStop() { report(-getpid()) }

  /// Atomic, as it is shorter than PIPE_BUF: pipe(7). If the pipe is full, the report is lost, as the supervisor hangs.
  private func report(_ number: pid_t) {
    var number = number
    _ = write(descriptor, &number, MemoryLayout<pid_t>.size)
  }
}
