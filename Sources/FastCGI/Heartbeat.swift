import Glibc
import POSIX
import Synchronization

/// Tells the supervisor of a worker that the worker's threads come round to look for requests: one that doesn't hear
/// of it for long replaces the worker.
public final class Heartbeat: Sendable {
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

  /// How long a thread may wait for requests. Milliseconds.
  var milliseconds: Int32 { Int32(clamping: interval / 1_000_000) }

  /// Beats if it is time; costs next to nothing otherwise.
  public func beat() {
    let now = Clock.monotonicNanoseconds
    let last = last.load(ordering: .relaxed)
    guard last == 0 || now >= last + interval / 2,
      self.last.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    else { return }
    // Whole or not at all, as it is shorter than PIPE_BUF. A supervisor that reads nothing any more is not waited for.
    var process = getpid()
    _ = write(descriptor, &process, MemoryLayout<pid_t>.size)
  }
}
