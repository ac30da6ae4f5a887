import AuthServer
import Glibc
import POSIX

/// Creates the folders of keys and shared files if root runs a command before the service has run. The folders then
/// belong to the service's user.
enum RootsFolder {
  private struct Owner {
    let user: UInt32
    let group: UInt32
  }

  /// Creates the missing folders, if the user is root.
  ///
  /// They belong to the owner of the state folder. If the state folder is missing too, they belong to the package's
  /// user, or to the owner of the folder above if the package isn't installed. Files that root creates in a folder
  /// belong to the folder's owner: see ``FileHandle`` and ``Files``.
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

  /// The package's user; nil if it isn't installed.
  private static var packagesUser: Owner? {
    (try? Account(named: DeploymentValues.account)).map { Owner(user: $0.user, group: $0.group) }
  }

  /// Creates a folder, and the missing ones above it.
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
      // `Files.makeFolder` gives a folder to the owner of the folder above, unless that is root.
      guard try handle.status().owner == 0 else { continue }
      try retryingOnInterrupt("fchown", path) { fchown(handle.descriptor, owner.user, owner.group) }
    }
  }
}
