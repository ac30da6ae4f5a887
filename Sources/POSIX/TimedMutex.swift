import CLinux
import Glibc

/// A mutex that is waited for until a moment and no longer. `pthread_mutex_clocklock(3)`.
public final class TimedMutex: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init() {
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// - Parameter deadline: as ``Clock/monotonicNanoseconds`` tells time, which nobody sets.
  /// - Returns: whether the caller has it now.
  public func lock(until deadline: UInt64) -> Bool {
    var limit = timespec(nanoseconds: deadline)
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &limit) == 0
  }

  public func unlock() {
    pthread_mutex_unlock(mutex)
  }
}
