import CLinux
import Glibc

/// Writing to an open file, and waiting for the disk.
extension FileHandle {
  /// Writes bytes at `offset` in one call. `pwrite(2)`. If the file was opened with ``Flags/append``, the bytes go to
  /// its end whatever the offset.
  /// - Returns: how many bytes were written; fewer than given if the disk becomes full.
  /// - Throws: ``SystemError`` (`pwrite`).
  public func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) -> Int {
    try retryingOnInterrupt("pwrite") {
      bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
    }
  }

  /// Writes all bytes at `offset`, in several calls if necessary. `pwrite(2)`.
  /// - Throws: ``SystemError`` (`pwrite`). Bytes that were written before the failure stay in the file.
  public func writeAll(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      done += try retryingOnInterrupt("pwrite") {
        bytes.withUnsafeBytes {
          pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done))
        }
      }
    }
  }

  /// Writes all bytes at the file offset: for pipes and terminals. `write(2)`.
  /// - Throws: ``SystemError`` (`write`).
  public func writeNext(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      done += try retryingOnInterrupt("write") {
        bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      }
    }
  }

  /// Truncates the file to `size` bytes. `ftruncate(2)`.
  /// - Throws: ``SystemError`` (`ftruncate`).
  public func truncate(to size: Int) throws(SystemError) {
    try retryingOnInterrupt("ftruncate") { ftruncate(descriptor, off_t(size)) }
  }

  /// Waits until the file's data is on the disk. `fdatasync(2)`.
  /// - Throws: ``SystemError`` (`fdatasync`).
  public func synchronizeData() throws(SystemError) {
    try retryingOnInterrupt("fdatasync") { fdatasync(descriptor) }
  }

  /// Waits until data and metadata are on the disk. For a folder, this includes its entries. `fsync(2)`.
  /// - Throws: ``SystemError`` (`fsync`).
  public func synchronize() throws(SystemError) {
    try retryingOnInterrupt("fsync") { fsync(descriptor) }
  }

  /// Gives the space of a range back to the file system. The range reads as NULs then, and the file keeps its size.
  /// `fallocate(2)`, FALLOC_FL_PUNCH_HOLE.
  /// - Throws: ``SystemError`` (`fallocate`), with EOPNOTSUPP if the file system has no holes.
  public func punchHole(_ range: Range<Int>) throws(SystemError) {
    try retryingOnInterrupt("fallocate") {
      fallocate(
        descriptor, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, off_t(range.lowerBound), off_t(range.count))
    }
  }
}
