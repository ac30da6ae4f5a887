import CLinux

/// When the request that the current thread works on must be answered: whatever waits on its behalf waits no longer.
public enum Deadline {
  /// As ``Clock/monotonicNanoseconds`` tells time; `.max` where there is none.
  public static var current: UInt64 {
    let deadline = thread_deadline().pointee
    return deadline == 0 ? .max : deadline
  }

  /// Runs a body that is to end by a deadline.
  public static func with<Value>(_ deadline: UInt64, _ body: () throws -> Value) rethrows -> Value {
    let earlier = thread_deadline().pointee
    thread_deadline().pointee = deadline
    defer { thread_deadline().pointee = earlier }
    return try body()
  }

  /// When to give up what may take so long, unless the request's deadline comes first.
  /// - Parameter nanoseconds: from now on.
  public static func within(_ nanoseconds: UInt64) -> UInt64 {
    min(Clock.monotonicNanoseconds + nanoseconds, current)
  }
}
