import Foundation

/// What the machine lets a test do to its own processes.
public enum FaultInjection {
  /// Whether strace can make system calls of a child fail.
  public static let isPossible =
    (try? Tool.run(["strace", "-f", "-qq", "-o", "/dev/null", "true"]).status) == 0

  /// Whether a small disk can be mounted.
  public static let canMount: Bool = {
    guard getuid() == 0 else { return false }
    let folder = TemporaryFolder()
    guard (try? Tool.run(["mount", "-t", "tmpfs", "tmpfs", folder.path]).status) == 0 else { return false }
    return (try? Tool.run(["umount", folder.path]).status) == 0
  }()
}
