import Glibc
import POSIX

/// Opening the files that workers share.
enum SharedFiles {
  /// Opens a file that others of our processes use as well; nil where there is none.
  /// - Throws: ``StoreError`` where somebody else could have written it; ``SystemError``.
  static func open(_ path: String, flags: FileHandle.Flags) throws -> FileHandle? {
    guard let handle = try FileHandle.existing(path, flags: flags) else { return nil }
    let status = try handle.status()
    guard status.owner == geteuid() || status.owner == 0 || geteuid() == 0 else {
      throw StoreError("\(path): belongs to another user")
    }
    guard status.permissions & 0o022 == 0 else {
      throw StoreError("\(path): can be written by others")
    }
    return handle
  }
}
