import CLinux
import Glibc

/// Reading from an open file.
extension FileHandle {
  /// Reads up to `count` bytes at `offset`; fewer only at the end of the file. `pread(2)`.
  /// - Throws: ``SystemError`` (`pread`).
  public func read(count: Int, at offset: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = 0
      do throws(SystemError) {
        while filled < count {
          let got = try retryingOnInterrupt("pread") {
            pread(
              descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
          }
          if got == 0 { break }
          filled += got
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// As ``read(count:at:)``, but only from the page cache. If the file system doesn't support that, this reads from
  /// the disk. `preadv2(2)`, RWF_NOWAIT.
  /// - Returns: nil if reading would wait for the disk, or fewer than `count` bytes follow.
  /// - Throws: ``SystemError`` (`preadv2`, `pread`).
  public func readCached(count: Int, at offset: Int) throws(SystemError) -> [UInt8]? {
    var got = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var part = iovec(iov_base: buffer.baseAddress, iov_len: count)
      got = preadv2(descriptor, &part, 1, off_t(offset), RWF_NOWAIT)
      filled = max(0, got)
    }
    if got == count { return bytes }
    if got >= 0 { return nil }
    switch errno {
    case EAGAIN, EINTR: return nil
    case EOPNOTSUPP, ENOSYS, EINVAL: return try read(count: count, at: offset)
    default: throw SystemError(call: "preadv2")
    }
  }

  /// Reads up to `count` bytes at the file offset; none at the end of the file. `read(2)`.
  /// - Throws: ``SystemError`` (`read`).
  public func readNext(count: Int) throws(SystemError) -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: count)
    let got = try retryingOnInterrupt("read") { Glibc.read(descriptor, &chunk, count) }
    return Array(chunk[..<got])
  }
}
