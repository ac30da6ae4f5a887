import Glibc

/// The attributes of a file. `stat(2)`.
public struct FileStatus: Sendable, Equatable {
  /// Device and inode number, which identify a file whatever its name.
  public struct Identity: Sendable, Hashable {
    let device: UInt
    public let inode: UInt
  }

  public let identity: Identity
  /// Size in bytes.
  public let size: Int
  /// When the content last changed. Nanoseconds since 1970, limited to the next 285 years.
  public let modified: Int
  /// The permission bits, with set-user-id, set-group-id and sticky bit (0o7777).
  public let permissions: UInt32
  /// The user id of the owner.
  public let owner: UInt32
  /// The group id.
  public let group: UInt32
  /// The number of hard links; 0 once the file is removed.
  public let links: Int
  /// The file type; nil for a block device.
  public let type: FileType?

  public var isDirectory: Bool { type == .directory }
  public var isSocket: Bool { type == .socket }

  init(_ status: stat) {
    identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    size = Int(status.st_size)
    // The file's owner can set it to a time that doesn't fit into an Int. utimensat(2).
    modified = min(max(status.st_mtim.tv_sec, 0), 9_000_000_000) * 1_000_000_000 + status.st_mtim.tv_nsec
    permissions = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    links = Int(status.st_nlink)
    type = FileType(mode: status.st_mode)
  }

  /// The status of the file at a path. Follows symbolic links. `stat(2)`.
  /// - Returns: nil if the file doesn't exist.
  /// - Throws: ``SystemError`` (`stat`).
  public static func ofFile(at path: String) throws(SystemError) -> FileStatus? {
    var status = Glibc.stat()
    do throws(SystemError) {
      try retryingOnInterrupt("stat", path) { stat(path, &status) }
      return FileStatus(status)
    } catch  where error.code == ENOENT {
      return nil
    }
  }

  /// As ``ofFile(at:)``, but for a symbolic link, the status of the link itself. `lstat(2)`.
  /// - Throws: ``SystemError`` (`lstat`).
  static func ofEntry(at path: String) throws(SystemError) -> FileStatus? {
    var status = Glibc.stat()
    do throws(SystemError) {
      try retryingOnInterrupt("lstat", path) { lstat(path, &status) }
      return FileStatus(status)
    } catch  where error.code == ENOENT {
      return nil
    }
  }
}

/// The type of a file. `inode(7)`.
public enum FileType: Sendable {
  case regular, directory, socket, pipe, link
  /// A terminal or another character device.
  case terminal

  init?(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .directory
    case S_IFSOCK: self = .socket
    case S_IFIFO: self = .pipe
    case S_IFLNK: self = .link
    case S_IFCHR: self = .terminal
    default: return nil
    }
  }
}
