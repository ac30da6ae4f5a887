import Glibc

/// What `statvfs(3)` tells of the file system that a file lies on.
public enum FileSystem {
  /// How much a process without privileges may still write. Bytes.
  /// - Throws: ``SystemError`` (`statvfs`), also where there is no such file.
  public static func freeBytes(at path: String) throws(SystemError) -> Int {
    var status = Glibc.statvfs()
    try retryingOnInterrupt("statvfs") { statvfs(path, &status) }
    let (bytes, isTooMuch) = UInt(status.f_bavail).multipliedReportingOverflow(by: UInt(status.f_frsize))
    return isTooMuch ? .max : Int(clamping: bytes)
  }
}
