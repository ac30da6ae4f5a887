import FastCGI
import Glibc
import POSIX
import Synchronization

/// Tells a worker's supervisor that the worker's threads still take requests. The supervisor replaces a worker that it
/// doesn't hear from within the worker's timeout.
public final class Heartbeat: LivenessReport {
  private let descriptor: Int32
  private let interval: UInt64
  private let last = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - descriptor: the writing end of the supervisor's pipe, which doesn't block.
  ///   - interval: seconds from one beat to the next.
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

  /// Written whole or not at all, as it is shorter than PIPE_BUF. The write doesn't wait for a supervisor that hangs.
  private func report(_ number: pid_t) {
    var number = number
    _ = write(descriptor, &number, MemoryLayout<pid_t>.size)
  }
}
