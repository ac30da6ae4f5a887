import CLinux
import Glibc

/// An open file. The last reference closes it.
///
/// Files are opened with `O_CLOEXEC`, so that no child process inherits them; with `O_NOFOLLOW`, so that a symbolic
/// link planted in a shared folder isn't followed; and with `O_NONBLOCK`, so that opening a pipe or a device in a
/// file's place doesn't block. Anything but a regular file or a folder is refused.
public final class FileHandle: Sendable {
  /// The file descriptor. Valid for the lifetime of this object.
  public let descriptor: Int32

  /// The flags to open a file with. `open(2)`.
  public struct Flags: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let read = Flags(rawValue: O_RDONLY)
    public static let readWrite = Flags(rawValue: O_RDWR)
    /// Creates the file if it doesn't exist.
    public static let create = Flags(rawValue: O_RDWR | O_CREAT)
    /// Creates the file. Fails with EEXIST if it exists.
    public static let createNew = Flags(rawValue: O_RDWR | O_CREAT | O_EXCL)
    /// Every write goes to the end, even if other processes append too.
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

  /// Opens a file. A new file has mode 0600 whatever the umask. A file that root creates gets the folder's owner,
  /// because the owner's processes must be able to use it.
  /// - Throws: ``SystemError`` (`open`, `fstat`, `fchmod`, `fchown`), with ENXIO if it isn't a regular file (for
  ///   ``Flags/folder``, a folder).
  public convenience init(path: String, flags: Flags) throws(SystemError) {
    let (descriptor, isNew) = try Self.open(path, flags.rawValue)
    self.init(owning: descriptor)
    let status = try status()
    guard status.type == (flags.rawValue & O_DIRECTORY == 0 ? .regular : .directory) else {
      throw SystemError(call: "open", code: ENXIO, path: path)
    }
    if isNew, status.permissions != 0o600 {
      // The umask may have removed permissions of the owner too.
      try retryingOnInterrupt("fchmod", path) { fchmod(descriptor, 0o600) }
    }
    // Only a file that this call created: another name in the folder may be a hard link to a file that root owns
    // elsewhere.
    guard isNew, status.links == 1, geteuid() == 0 else { return }
    if let folder = try FileStatus.ofFile(at: Files.parent(of: path)), folder.owner != 0 {
      try retryingOnInterrupt("fchown", path) { fchown(descriptor, folder.owner, folder.group) }
    }
  }

  /// - Returns: the descriptor, and whether this call created the file.
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
        // Another process has created it in the meantime.
      }
    }
  }

  /// Opens a file; nil if it doesn't exist.
  /// - Throws: as ``init(path:flags:)``.
  public static func existing(_ path: String, flags: Flags) throws(SystemError) -> FileHandle? {
    do throws(SystemError) {
      return try FileHandle(path: path, flags: flags)
    } catch  where error.code == ENOENT {
      return nil
    }
  }

  /// Creates a file in memory that nobody can change: its seals forbid writing and resizing. `memfd_create(2)`,
  /// `fcntl(2)`, F_ADD_SEALS.
  /// - Parameter name: a label that appears below `/proc`. The file has no path.
  /// - Throws: ``SystemError`` (`memfd_create`, `write`, `fcntl`).
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

  /// Gives the file the owner and the group of another file if this process runs as root: other users couldn't use a
  /// file that root owns. Does nothing otherwise. `fchown(2)`.
  /// - Throws: ``SystemError`` (`fstat`, `fchown`).
  public func giveOwner(of other: FileHandle) throws(SystemError) {
    guard geteuid() == 0 else { return }
    let status = try other.status()
    try retryingOnInterrupt("fchown") { fchown(descriptor, status.owner, status.group) }
  }

  /// Takes the exclusive lock on the file, without waiting. `flock(2)`.
  /// - Returns: false if another open file description holds it.
  /// - Throws: ``SystemError`` (`flock`).
  public func tryLock() throws(SystemError) -> Bool {
    do throws(SystemError) {
      try retryingOnInterrupt("flock") { flock(descriptor, LOCK_EX | LOCK_NB) }
      return true
    } catch  where error.code == EWOULDBLOCK {
      return false
    }
  }

  /// Releases the lock. `flock(2)`.
  public func unlock() {
    _ = flock(descriptor, LOCK_UN)
  }
}
