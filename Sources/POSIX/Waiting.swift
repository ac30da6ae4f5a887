import CLinux

/// Work has to wait for a disk or another thread, and its thread must not. The caller runs it again in a lane that
/// may wait.
public struct WouldWait: Error {
  public init() {}
}

/// Whether the current thread may wait for a disk or another thread.
public enum Waiting {
  /// Whether the current thread isn't inside ``forbidden(_:)``.
  public static var isAllowed: Bool { thread_must_not_wait().pointee == 0 }

  /// Runs a body that must not wait. Code in it that would have to wait throws ``WouldWait`` before it changes
  /// anything.
  public static func forbidden<Value>(_ body: () throws -> Value) rethrows -> Value {
    thread_must_not_wait().pointee += 1
    defer { thread_must_not_wait().pointee -= 1 }
    return try body()
  }
}
