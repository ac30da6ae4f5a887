import CLinux
import Glibc

/// A mutex that threads wait for until a deadline. `pthread_mutex_clocklock(3)`.
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

  /// Waits for the mutex until a deadline.
  /// - Parameter deadline: in ``Clock/monotonicNanoseconds``.
  /// - Returns: whether the calling thread holds the mutex.
  public func lock(until deadline: UInt64) -> Bool {
    var limit = timespec(nanoseconds: deadline)
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &limit) == 0
  }

  /// Releases the mutex, in the thread that holds it.
  public func unlock() {
    pthread_mutex_unlock(mutex)
  }
}
