import Glibc
import POSIX

/// Opening the files that workers share.
enum SharedFiles {
  /// Opens a file that others of our processes use as well; nil where there is none.
  /// - Throws: ``StoreError`` where somebody else could have written it; ``SystemError``.
  static func open(_ path: String, flags: FileHandle.Flags) throws -> FileHandle? {
    guard let handle = try FileHandle.existing(path, flags: flags) else { return nil }
    try check(handle, path)
    return handle
  }

  /// - Throws: ``StoreError`` where somebody else could have written the file, or put a file of root's in its place;
  ///   ``SystemError``.
  static func check(_ handle: FileHandle, _ path: String) throws {
    let status = try handle.status()
    let own = geteuid()
    guard status.owner == own || status.owner == 0 || own == 0 else {
      let (owner, user) = (Account.name(of: status.owner), Account.name(of: own))
      throw StoreError(
        "\(path): belongs to user \(owner), and this process runs as \(user): chown \(user) \(path)")
    }
    guard status.permissions & 0o022 == 0 else {
      throw StoreError("\(path): can be written by others: chmod go-w \(path)")
    }
    if own == 0 { try checkAsRoot(status, path) }
  }

  /// Root may read and change what the folder's owner may not. A hard link to such a file, in the place of a store's, would
  /// have root's commands copy it or write to it. The file's other names may be gone.
  private static func checkAsRoot(_ status: FileStatus, _ path: String) throws {
    guard status.links <= 1 else {
      throw StoreError("\(path): is a hard link to a file that may be another's: put a copy in its place")
    }
    let folder = try FileStatus.ofFile(at: Files.parent(of: path))
    guard let folder, folder.owner != 0, folder.owner != status.owner else { return }
    let (owner, user) = (Account.name(of: status.owner), Account.name(of: folder.owner))
    throw StoreError(
      "\(path): belongs to user \(owner), and its folder to \(user): if it is the service's, chown \(user) \(path)"
    )
  }

  /// - Throws: ``StoreError`` where others could exchange the files in the folder that a path lies in; ``SystemError``.
  static func checkFolder(of path: String) throws {
    let folder = Files.parent(of: path)
    if let fault = try TrustedFolder.fault(folder) { throw StoreError("\(folder): \(fault)") }
  }

  /// Writes to where a file lies, and takes it back: a full or read-only disk, a folder that is another user's show.
  /// - Throws: ``StoreError``, ``SystemError``.
  static func checkWritable(_ path: String) throws {
    try checkFolder(of: path)
    _ = try open(path, flags: .readWrite)
    let probe = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).probe"
    let handle = try FileHandle(path: probe, flags: .createNew)
    // Nameless from now on, so that a crash leaves nothing.
    try Files.remove(probe)
    try handle.writeAll([UInt8](repeating: 0, count: 4096), at: 0)
  }
}
