import Glibc

/// What the kernel allows this process.
public enum Limits {
  /// Raises the number of descriptors that may be open to what the process may raise it to: the lower limit is for
  /// programs that use `select(2)`. `setrlimit(2)`.
  /// - Returns: how many may be open.
  public static func raiseDescriptors() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    return Int(clamping: limit.rlim_cur)
  }
}
