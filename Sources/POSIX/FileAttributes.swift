import CLinux
import Glibc

/// Extended attributes: short texts that stay with a file when it is renamed. `xattr(7)`.
extension FileHandle {
  /// The largest value that ``attribute(_:)`` reads. Bytes.
  private static let longestAttribute = 64

  /// The value of an attribute in the `user` namespace. nil if the file doesn't have it, its value exceeds 64 bytes,
  /// or the file system doesn't support attributes. `fgetxattr(2)`.
  public func attribute(_ name: String) -> String? {
    var value = [UInt8](repeating: 0, count: Self.longestAttribute)
    let count = fgetxattr(descriptor, "user.\(name)", &value, value.count)
    return count < 0 ? nil : String(decoding: value[..<count], as: UTF8.self)
  }

  /// Sets an attribute in the `user` namespace. `fsetxattr(2)`.
  /// - Parameter value: at most 64 bytes.
  /// - Throws: ``SystemError`` (`fsetxattr`), with ENOTSUP if the file system doesn't support attributes.
  public func setAttribute(_ name: String, _ value: String) throws(SystemError) {
    let value = Array(value.utf8)
    try retryingOnInterrupt("fsetxattr") { fsetxattr(descriptor, "user.\(name)", value, value.count, 0) }
  }
}
