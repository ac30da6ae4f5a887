import CLinux
import Glibc

/// An open file, closed when its last owner goes.
///
/// Every file is opened with `O_CLOEXEC`, so that no child inherits it, `O_NOFOLLOW`, so that a symbolic link planted in a
/// shared folder leads nowhere, and `O_NONBLOCK`, so that a pipe or a device in a file's place holds up nobody. What is
/// no regular file is refused.
public final class FileHandle: Sendable {
  /// The file descriptor. Valid for the lifetime of this object.
  public let descriptor: Int32

  /// How a file is opened. `open(2)`.
  public struct Flags: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let read = Flags(rawValue: O_RDONLY)
    public static let readWrite = Flags(rawValue: O_RDWR)
    /// Makes the file where there is none.
    public static let create = Flags(rawValue: O_RDWR | O_CREAT)
    /// Makes the file, and fails with EEXIST where there is one.
    public static let createNew = Flags(rawValue: O_RDWR | O_CREAT | O_EXCL)
    /// Whatever is written goes to the end, whatever else is there by then.
    public static let append = Flags(rawValue: O_RDWR | O_APPEND)
    public static let folder = Flags(rawValue: O_RDONLY | O_DIRECTORY)
  }

  // Never closed: static properties have no last owner.
  public static let standardInput = FileHandle(owning: 0)
  public static let standardOutput = FileHandle(owning: 1)
  public static let standardError = FileHandle(owning: 2)

  /// Takes ownership of an open descriptor.
  public init(owning descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// Opens a file with mode 0600 where it is made, whatever the umask. What root makes belongs to the
  /// folder's owner, whose processes are to work with it.
  /// - Throws: ``SystemError`` (`open`).
  public convenience init(path: String, flags: Flags) throws(SystemError) {
    let (descriptor, isNew) = try Self.open(path, flags.rawValue)
    self.init(owning: descriptor)
    let status = try status()
    guard status.type == (flags.rawValue & O_DIRECTORY == 0 ? .regular : .directory) else {
      throw SystemError(call: "open", code: ENXIO, path: path)
    }
    if isNew, status.permissions != 0o600 {
      // The umask takes away rights of the owner too.
      try retryingOnInterrupt("fchmod", path) { fchmod(descriptor, 0o600) }
    }
    // Only what this very call made: a hard link in the folder may be a file of root's from elsewhere.
    guard isNew, status.links == 1, geteuid() == 0 else { return }
    if let folder = try FileStatus.ofFile(at: Files.parent(of: path)), folder.owner != 0 {
      try retryingOnInterrupt("fchown", path) { fchown(descriptor, folder.owner, folder.group) }
    }
  }

  /// - Returns: whether the file was made, too.
  private static func open(_ path: String, _ flags: Int32) throws(SystemError) -> (Int32, isNew: Bool) {
    func attempt(_ flags: Int32) throws(SystemError) -> Int32 {
      try retryingOnInterrupt("open", path) {
        Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600)
      }
    }
    while true {
      if flags & O_EXCL == 0 {
        do throws(SystemError) {
          return (try attempt(flags & ~O_CREAT), false)
        } catch  where error.code == ENOENT && flags & O_CREAT != 0 {}
      }
      do throws(SystemError) {
        return (try attempt(flags | O_CREAT | O_EXCL), true)
      } catch  where error.code == EEXIST && flags & O_EXCL == 0 {
        // Somebody else has made it meanwhile.
      }
    }
  }

  /// Opens a file; nil where there is none.
  /// - Throws: ``SystemError`` (`open`).
  public static func existing(_ path: String, flags: Flags) throws(SystemError) -> FileHandle? {
    do throws(SystemError) {
      return try FileHandle(path: path, flags: flags)
    } catch  where error.code == ENOENT {
      return nil
    }
  }

  /// A file in memory that has no name, and that nobody can change any more. `memfd_create(2)`.
  /// - Parameter name: shown below `/proc` only.
  /// - Throws: ``SystemError``.
  public static func sealed(_ name: String, _ bytes: [UInt8]) throws(SystemError) -> FileHandle {
    let handle = FileHandle(
      owning: try retryingOnInterrupt("memfd_create") {
        memfd_create(name, UInt32(MFD_CLOEXEC | MFD_ALLOW_SEALING))
      })
    try handle.writeNext(bytes)
    try retryingOnInterrupt("fcntl") {
      fcntl(handle.descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
    }
    return handle
  }

  deinit { _ = close(descriptor) }

  /// Size, owner, mode and identity of the open file. `fstat(2)`.
  /// - Throws: ``SystemError`` (`fstat`).
  public func status() throws(SystemError) -> FileStatus {
    var status = stat()
    try retryingOnInterrupt("fstat") { fstat(descriptor, &status) }
    return FileStatus(status)
  }

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

  /// As ``read(count:at:)``, but only what is in memory. `preadv2(2)`, RWF_NOWAIT; where the file system can't tell, it is
  /// read all the same.
  /// - Returns: nil where the disk would have to be waited for.
  /// - Throws: ``SystemError`` (`preadv2`).
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

  /// Reads what comes next, up to `count` bytes; nothing at the end of the file. `read(2)`.
  /// - Throws: ``SystemError`` (`read`).
  public func readNext(count: Int) throws(SystemError) -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: count)
    let got = try retryingOnInterrupt("read") { Glibc.read(descriptor, &chunk, count) }
    return Array(chunk[..<got])
  }

  /// One `pwrite(2)`; the number of bytes taken may be less than offered (a full disk). A file opened with
  /// ``Flags/append`` takes them at its end, whatever the offset.
  /// - Throws: ``SystemError`` (`pwrite`).
  public func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) -> Int {
    try retryingOnInterrupt("pwrite") {
      bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
    }
  }

  /// Writes all bytes at `offset`, in as many calls as it takes.
  /// - Throws: ``SystemError`` (`pwrite`); what was written before stays.
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

  /// Writes all bytes where the file stands: for pipes and terminals. `write(2)`.
  /// - Throws: ``SystemError`` (`write`).
  public func writeNext(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      done += try retryingOnInterrupt("write") {
        bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      }
    }
  }

  /// Cuts the file to `size` bytes. `ftruncate(2)`.
  /// - Throws: ``SystemError`` (`ftruncate`).
  public func truncate(to size: Int) throws(SystemError) {
    try retryingOnInterrupt("ftruncate") { ftruncate(descriptor, off_t(size)) }
  }

  /// Gives the file the owner and group of another, as far as the process may; it may where it is root, whose
  /// files others couldn't work with. `fchown(2)`.
  /// - Throws: ``SystemError``.
  public func giveOwner(of other: FileHandle) throws(SystemError) {
    guard geteuid() == 0 else { return }
    let status = try other.status()
    try retryingOnInterrupt("fchown") { fchown(descriptor, status.owner, status.group) }
  }

  /// Waits until the file's data is on the disk. `fdatasync(2)`.
  /// - Throws: ``SystemError`` (`fdatasync`).
  public func synchronizeData() throws(SystemError) {
    try retryingOnInterrupt("fdatasync") { fdatasync(descriptor) }
  }

  /// Waits until data and metadata are on the disk; for a folder, its entries. `fsync(2)`.
  /// - Throws: ``SystemError`` (`fsync`).
  public func synchronize() throws(SystemError) {
    try retryingOnInterrupt("fsync") { fsync(descriptor) }
  }

  /// Takes the file's lock for this open file, if nobody else has it. `flock(2)`.
  /// - Throws: ``SystemError`` (`flock`).
  public func tryLock() throws(SystemError) -> Bool {
    do throws(SystemError) {
      try retryingOnInterrupt("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
      return true
    } catch  where error.code == EWOULDBLOCK {
      return false
    }
  }

  /// Gives the file's lock back.
  public func unlock() {
    _ = flock(descriptor, LOCK_UN)
  }
}
