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
