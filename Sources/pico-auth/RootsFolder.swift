import AuthServer
import Glibc
import POSIX

/// The folders for keys and shared files that a command of root's makes before the service has: they are to be the service's.
enum RootsFolder {
  private struct Owner {
    let user: UInt32
    let group: UInt32
  }

  /// Makes the folders, where root asks and there are none, for the owner of the state folder; without a state folder, for
  /// the user of the package. What root makes in a folder then belongs to its owner, as ``FileHandle`` and ``Files`` see to.
  /// - Throws: ``SystemError``.
  static func prepare(_ settings: Settings) throws {
    guard geteuid() == 0 else { return }
    let isNew = try FileStatus.ofFile(at: settings.stateFolder) == nil
    try make(settings.stateFolder, for: isNew ? packagesUser : nil)
    guard let status = try FileStatus.ofFile(at: settings.stateFolder) else { return }
    if isNew && packagesUser == nil {
      Console.complain(
        "note: \(settings.stateFolder) was made, and belongs to \(Account.name(of: status.owner)); for a service of another "
          + "user: chown -R USER \(settings.stateFolder)")
    }
    let owner = Owner(user: status.owner, group: status.group)
    for folder in settings.stateFolders { try make(folder, for: owner) }
  }

  private static var packagesUser: Owner? {
    (try? Account(named: DeploymentValues.account)).map { Owner(user: $0.user, group: $0.group) }
  }

  /// Makes a folder, and those above it, where there are none.
  private static func make(_ folder: String, for owner: Owner?) throws {
    var missing: [String] = []
    var next = folder
    while try FileStatus.ofFile(at: next) == nil {
      missing.insert(next, at: 0)
      next = Files.parent(of: next)
    }
    guard !missing.isEmpty else { return }
    try Files.makeFolder(folder)
    guard let owner else { return }
    for path in missing {
      let handle = try FileHandle(path: path, flags: .folder)
      // Files.makeFolder has given it to the owner of the folder above, where that isn't root's.
      guard try handle.status().owner == 0 else { continue }
      try retryingOnInterrupt("fchown", path) { fchown(handle.descriptor, owner.user, owner.group) }
    }
  }
}
