import CLinux
import Glibc

/// Who may look at this process's memory, in which there are keys and secrets.
public enum ProcessMemory {
  /// From now on only root can: no core dump is written, none goes to a collector such as systemd-coredump, other processes
  /// of the same user can't attach or read `/proc/PID/mem` and `/proc/PID/environ`. A process that this one starts sees to
  /// itself. `prctl(2)`, PR_SET_DUMPABLE; `setrlimit(2)`, RLIMIT_CORE.
  ///
  /// Giving up root sets it back to what `/proc/sys/fs/suid_dumpable` says: to be called after that.
  public static func hide() {
    // Neither can fail: the first knows its arguments, and any process may lower a limit.
    _ = process_set_dumpable(0)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  }
}
