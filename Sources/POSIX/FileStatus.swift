import Glibc

/// What `stat(2)` tells of a file.
public struct FileStatus: Sendable, Equatable {
  /// Device and inode: which file it is, whatever its name.
  public struct Identity: Sendable, Hashable {
    let device: UInt
    public let inode: UInt
  }

  public let identity: Identity
  /// Size in bytes.
  public let size: Int
  /// When its content last changed. Nanoseconds since 1970; at most 285 years.
  public let modified: Int
  /// Permission bits (0o7777).
  public let permissions: UInt32
  public let owner: UInt32
  public let group: UInt32
  /// Number of names; 0 once the file was removed.
  public let links: Int
  /// What kind of file it is; nil for one that no part of this program tells from others.
  public let type: FileType?

  public var isDirectory: Bool { type == .directory }
  public var isSocket: Bool { type == .socket }

  init(_ status: stat) {
    identity = Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
    size = Int(status.st_size)
    // Anybody can set it to what doesn't fit.
    modified = min(max(status.st_mtim.tv_sec, 0), 9_000_000_000) * 1_000_000_000 + status.st_mtim.tv_nsec
    permissions = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    links = Int(status.st_nlink)
    type = FileType(mode: status.st_mode)
  }

  /// The status of the file that a path names now, symbolic links followed; nil where there is none. `stat(2)`.
  /// - Throws: ``SystemError`` (`stat`) for anything but a missing file.
  public static func ofFile(at path: String) throws(SystemError) -> FileStatus? {
    var status = Glibc.stat()
    do throws(SystemError) {
      try retryingOnInterrupt("stat", path) { stat(path, &status) }
      return FileStatus(status)
    } catch  where error.code == ENOENT {
      return nil
    }
  }

  /// The same for a symbolic link itself, where the path names one. `lstat(2)`.
  /// - Throws: ``SystemError`` (`lstat`) for anything but a missing file.
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

/// The kinds of files. `inode(7)`.
public enum FileType: Sendable {
  case regular, directory, socket, pipe, link
  /// A terminal, or another device of characters.
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
