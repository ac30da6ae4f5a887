import CLinux

/// The work can't go on without waiting for a disk or another thread, and its thread may not: it belongs elsewhere.
public struct WouldWait: Error {
  public init() {}
}

/// Whether the current thread may wait for a disk or another thread.
public enum Waiting {
  public static var isAllowed: Bool { thread_must_not_wait().pointee == 0 }

  /// Runs a body that is not to wait. Whatever would have to throws ``WouldWait``, and changes nothing.
  public static func forbidden<Value>(_ body: () throws -> Value) rethrows -> Value {
    thread_must_not_wait().pointee += 1
    defer { thread_must_not_wait().pointee -= 1 }
    return try body()
  }
}
