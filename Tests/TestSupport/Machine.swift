import Foundation

/// This host as it would be with other packages and another `/run`: what is changed there is gone with the object, and
/// this host knows nothing of it. The network is this host's.
public final class Machine: Sendable {
  private let folder = TemporaryFolder()
  private let holder: Child

  /// Whether this host lets a test have one: root, mounts of its own and overlayfs.
  public static let isPossible = getuid() == 0 && (try? Machine().run(["true"]).status) == 0

  /// Mounts live as long as this process.
  private static let script = """
    set -e
    mount -t tmpfs -o mode=0755 tmpfs "$1"
    mkdir -m 0755 "$1/upper" "$1/work" "$1/root"
    mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
    for folder in proc sys dev; do mount --rbind "/$folder" "$1/root/$folder"; done
    mount -t tmpfs -o mode=0755 tmpfs "$1/root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$1/root/tmp"
    touch "$1/root/run/is-up"
    exec chroot "$1/root" sleep infinity
    """

  public init() throws {
    holder = try Child(
      ["unshare", "--mount", "sh", "-c", Self.script, "sh", folder.path], log: folder.file("log"))
    let holder = holder
    let isUp = "\(Self.root(of: holder))/run/is-up"
    guard eventually({ access(isUp, F_OK) == 0 || !holder.isRunning }), holder.isRunning else {
      throw Backend.StartFailure(log: holder.output)
    }
    try boot()
  }

  deinit { holder.stop(SIGKILL) }

  /// Where a path of the machine's is on this host.
  public func path(_ path: String) -> String { Self.root(of: holder) + path }

  private static func root(of holder: Child) -> String { "/proc/\(holder.identifier)/root" }

  public func read(_ path: String) throws -> String {
    try String(contentsOfFile: self.path(path), encoding: .utf8)
  }

  public func write(_ path: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: self.path(path)))
  }

  /// Runs a command to its end.
  public func run(_ command: [String]) throws -> CommandResult { try Tool.run(entering(command)) }

  /// Starts a process. What it prints goes to a log of this name.
  public func start(_ command: [String], log: String) throws -> Child {
    try Child(entering(command), log: folder.file(log))
  }

  private func entering(_ command: [String]) -> [String] {
    ["nsenter", "--target=\(holder.identifier)", "--mount", "--root", "--wdns=/"] + command
  }

  /// What a boot does, to be called when nothing runs any more: `/run` and `/tmp` are empty, the boot has another name, and
  /// systemd-tmpfiles goes over all packages' files as systemd-tmpfiles-setup.service has it do.
  public func reboot() throws {
    for command in [
      ["umount", "--lazy", "/run"], ["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"],
      ["umount", "--lazy", "/tmp"], ["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"],
      ["umount", "/proc/sys/kernel/random/boot_id"],
    ] {
      try runOrFail(command)
    }
    try boot()
  }

  private func boot() throws {
    try write("/root/boot_id", UUID().uuidString.lowercased() + "\n")
    try runOrFail(["mount", "--bind", "/root/boot_id", "/proc/sys/kernel/random/boot_id"])
    // Other packages' lines may fail, as those that need a kernel module do.
    _ = try run(["systemd-tmpfiles", "--create", "--remove", "--boot", "--exclude-prefix=/dev"])
  }

  public func runOrFail(_ command: [String]) throws {
    let result = try run(command)
    guard result.status == 0 else { throw Backend.StartFailure(log: "\(command): \(result.errors)") }
  }
}
