import CLinux
import Glibc

/// Protects the memory of this process, which contains keys and secrets.
public enum ProcessMemory {
  /// Lets only root read this process's memory. The kernel writes no core dump and passes none to a collector such as
  /// systemd-coredump. Other processes of the same user can't attach, nor read `/proc/PID/mem` and
  /// `/proc/PID/environ`. Child processes must call this themselves. `prctl(2)`, PR_SET_DUMPABLE; `setrlimit(2)`,
  /// RLIMIT_CORE.
  ///
  /// Call it after ``Account/assume()``: a change of the user id resets the flag to `/proc/sys/fs/suid_dumpable`.
  public static func hide() {
    // Neither call can fail: 0 is a valid argument, and any process may lower its limits.
    _ = process_set_dumpable(0)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  }
}
