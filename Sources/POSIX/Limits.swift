import Glibc

/// The resource limits of this process.
public enum Limits {
  /// Raises the soft limit of open descriptors to the hard limit. The soft limit is low by default for the sake of
  /// programs that use `select(2)`; this one uses `epoll(7)`. `setrlimit(2)`, RLIMIT_NOFILE.
  /// - Returns: the limit of open descriptors; 1024 if the kernel doesn't tell.
  public static func raiseDescriptors() -> Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
    return Int(clamping: limit.rlim_cur)
  }
}
