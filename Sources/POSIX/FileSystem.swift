import Glibc

/// The file system that a file is on.
public enum FileSystem {
  /// The space that is free for unprivileged processes. Bytes. `statvfs(3)`.
  /// - Throws: ``SystemError`` (`statvfs`), with ENOENT if the file doesn't exist.
  public static func freeBytes(at path: String) throws(SystemError) -> Int {
    var status = Glibc.statvfs()
    try retryingOnInterrupt("statvfs") { statvfs(path, &status) }
    let (bytes, isTooMuch) = UInt(status.f_bavail).multipliedReportingOverflow(by: UInt(status.f_frsize))
    return isTooMuch ? .max : Int(clamping: bytes)
  }
}
