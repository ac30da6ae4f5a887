import CLinux
import Glibc

/// Extended attributes: a short text that goes wherever the file goes, whatever its name. `xattr(7)`.
extension FileHandle {
  private static let longestAttribute = 64

  /// The value of an attribute of the `user` namespace; nil where there is none, or the file system has none.
  public func attribute(_ name: String) -> String? {
    var value = [UInt8](repeating: 0, count: Self.longestAttribute)
    let count = fgetxattr(descriptor, "user.\(name)", &value, value.count)
    return count < 0 ? nil : String(decoding: value[..<count], as: UTF8.self)
  }

  /// Sets an attribute of the `user` namespace. At most 64 bytes.
  /// - Throws: ``SystemError`` (`fsetxattr`); with ENOTSUP where the file system has none.
  public func setAttribute(_ name: String, _ value: String) throws(SystemError) {
    let value = Array(value.utf8)
    try retryingOnInterrupt("fsetxattr") { fsetxattr(descriptor, "user.\(name)", value, value.count, 0) }
  }
}
