import CLinux
import Glibc

/// State that a mutex protects, with a condition variable to wait for changes. `pthread_mutex_lock(3)`,
/// `pthread_cond_wait(3)`.
public final class Monitor<State>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private var state: State

  public init(_ state: sending State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    condition = .allocate(capacity: 1)
    condition.initialize(to: pthread_cond_t())
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    condition.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Runs a body with exclusive access to the state.
  public func withLock<Value>(_ body: (inout State) throws -> Value) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Blocks until a body returns a value. The body has exclusive access to the state, and runs again after each
  /// ``wake()``.
  public func wait<Value>(for body: (inout State) throws -> Value?) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let value = try body(&state) { return value }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// As ``wait(for:)``, but with a deadline. `pthread_cond_clockwait(3)`.
  /// - Parameter deadline: in ``Clock/monotonicNanoseconds``.
  /// - Returns: nil if the body returned no value by the deadline.
  public func wait<Value>(
    until deadline: UInt64, for body: (inout State) throws -> Value?
  ) rethrows -> Value? {
    var limit = timespec(nanoseconds: deadline)
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let value = try body(&state) { return value }
      if pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &limit) == ETIMEDOUT {
        return try body(&state)
      }
    }
  }

  /// Wakes all waiting threads, which run their bodies again. `pthread_cond_broadcast(3)`.
  public func wake() {
    pthread_cond_broadcast(condition)
  }
}
