import CLinux

/// When the request that the current thread works on must be answered. Code that waits for a lock or a disk waits no
/// longer than this.
public enum Deadline {
  /// The thread's deadline, in ``Clock/monotonicNanoseconds``; `.max` if it has none.
  public static var current: UInt64 {
    let deadline = thread_deadline().pointee
    return deadline == 0 ? .max : deadline
  }

  /// Runs a body with a deadline for the current thread.
  /// - Parameter deadline: in ``Clock/monotonicNanoseconds``.
  public static func with<Value>(_ deadline: UInt64, _ body: () throws -> Value) rethrows -> Value {
    let earlier = thread_deadline().pointee
    thread_deadline().pointee = deadline
    defer { thread_deadline().pointee = earlier }
    return try body()
  }

  /// The earlier of the thread's deadline and a timeout that starts now, in ``Clock/monotonicNanoseconds``.
  /// - Parameter nanoseconds: the timeout.
  public static func within(_ nanoseconds: UInt64) -> UInt64 {
    min(Clock.monotonicNanoseconds + nanoseconds, current)
  }
}
