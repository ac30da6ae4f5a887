import Glibc
import POSIX

/// Opens the files that workers share.
enum SharedFiles {
  /// Opens a file that other pico-auth processes use as well.
  /// - Returns: nil if the file is missing.
  /// - Throws: ``StoreError`` if another user could have written it; ``SystemError``.
  static func open(_ path: String, flags: FileHandle.Flags) throws -> FileHandle? {
    guard let handle = try FileHandle.existing(path, flags: flags) else { return nil }
    try check(handle, path)
    return handle
  }

  /// Opens a file to change it, or only to read it if this process or the file system can't change it.
  /// - Returns: nil if the file is missing.
  /// - Throws: as ``open(_:flags:)`` does.
  static func openToChange(_ path: String) throws -> FileHandle? {
    do {
      return try open(path, flags: .readWrite)
    } catch let error as SystemError where error.code == EACCES || error.code == EROFS {
      return try open(path, flags: .read)
    }
  }

  /// - Throws: ``StoreError`` if another user could have written the file, or put one of root's files in its place;
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

  /// Root can read and change files that the folder's owner can't. If the owner replaces a store's file by a hard link to such a
  /// file, root's commands would copy it or write to it. The file's other names may be gone, so the link count isn't enough.
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

  /// - Throws: ``StoreError`` if other users could replace files in the path's folder; ``SystemError``.
  static func checkFolder(of path: String) throws {
    let folder = Files.parent(of: path)
    if let fault = try TrustedFolder.fault(folder) { throw StoreError("\(folder): \(fault)") }
  }

  /// Writes to a file's folder, and undoes it. This finds a full or read-only disk, and a folder of another user.
  /// - Throws: ``StoreError``, ``SystemError``.
  static func checkWritable(_ path: String) throws {
    try checkFolder(of: path)
    _ = try open(path, flags: .readWrite)
    let probe = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).probe"
    let handle = try FileHandle(path: probe, flags: .createNew)
    // Without a name, the file is gone after a crash.
    try Files.remove(probe)
    try handle.writeAll([UInt8](repeating: 0, count: 4096), at: 0)
  }
}
