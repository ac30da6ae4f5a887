import Glibc
import POSIX

/// The state folder that a command of root's makes before the service has: it is to be the service's.
enum RootsFolder {
  /// Makes the state folder, where root asks and there is none, for the user of the package. What root makes in a folder
  /// then belongs to its owner, as ``FileHandle`` and ``Files`` see to.
  /// - Throws: ``SystemError``.
  static func prepare(_ folder: String) throws {
    guard geteuid() == 0, try FileStatus.ofFile(at: folder) == nil else { return }
    var missing = [folder]
    while case let above = Files.parent(of: missing[0]), try FileStatus.ofFile(at: above) == nil {
      missing.insert(above, at: 0)
    }
    try Files.makeFolder(folder)
    guard let account = try? Account(named: DeploymentValues.account) else {
      let owner = try FileStatus.ofFile(at: folder).map { Account.name(of: $0.owner) } ?? "root"
      return Console.complain(
        "note: \(folder) was made, and belongs to \(owner); for a service of another user: chown -R USER \(folder)"
      )
    }
    for path in missing {
      let handle = try FileHandle(path: path, flags: .folder)
      guard try handle.status().owner == 0 else { continue }
      try retryingOnInterrupt("fchown", path) { fchown(handle.descriptor, account.user, account.group) }
    }
  }
}
