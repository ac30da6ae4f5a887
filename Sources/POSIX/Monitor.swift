import CLinux
import Glibc

/// State behind a mutex, with a condition to wait on. `pthread_cond_wait(3)`.
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

  /// Runs a body with the state to itself.
  public func withLock<Value>(_ body: (inout State) throws -> Value) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&state)
  }

  /// Waits until a body, run with the state to itself, gives a value; it is tried again at each ``wake()``.
  public func wait<Value>(for body: (inout State) throws -> Value?) rethrows -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let value = try body(&state) { return value }
      pthread_cond_wait(condition, mutex)
    }
  }

  /// As ``wait(for:)``, but until a moment and no longer. `pthread_cond_clockwait(3)`.
  /// - Parameter deadline: as ``Clock/monotonicNanoseconds`` tells time.
  /// - Returns: nil where the body gave no value in time.
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

  /// Has all who wait look again.
  public func wake() {
    pthread_cond_broadcast(condition)
  }
}
