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
    // Written whole or not at all, as it is shorter than PIPE_BUF. The write doesn't wait for a supervisor that hangs.
    var process = getpid()
    _ = write(descriptor, &process, MemoryLayout<pid_t>.size)
  }
}
