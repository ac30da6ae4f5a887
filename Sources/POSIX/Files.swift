import CLinux
import Glibc

/// Operations on whole files and on folders, by path.
public enum Files {
  /// Reads a whole file. Follows symbolic links: configuration and secrets are often mounted as links. A pipe or a
  /// terminal must deliver everything within 5 s.
  /// - Parameters:
  ///   - limit: the largest size. Bytes.
  ///   - check: called with the open file's status before it is read; throws to refuse the file.
  /// - Throws: ``SystemError`` (`open`, `fstat`, `read`, `poll`), with EFBIG if the file exceeds the limit, EISDIR if
  ///   it is a folder, ETIMEDOUT after 5 s; what `check` throws.
  public static func read(
    _ path: String, limit: Int = 1 << 20, check: (FileStatus) throws -> Void = { _ in }
  ) throws -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let handle = FileHandle(owning: try retryingOnInterrupt("open", path) { open(path, flags) })
    let status = try handle.status()
    try check(status)
    guard !status.isDirectory else { throw SystemError(call: "open", code: EISDIR, path: path) }
    let deadline = Clock.monotonicNanoseconds + pipeTimeout
    // Before a writer has opened the pipe, read(2) would return 0, as at the end.
    if status.type == .pipe { try wait(for: handle, path, until: deadline) }
    var bytes: [UInt8] = []
    while true {
      do throws(SystemError) {
        // Until the end, and not by the size: fstat(2) reports 0 for pipes and for files below /proc.
        let chunk = try handle.readNext(count: 65536)
        if chunk.isEmpty { return bytes }
        bytes += chunk
      } catch {
        guard error.code == EAGAIN else { throw error.at(path) }
        try wait(for: handle, path, until: deadline)
      }
      if bytes.count > limit { throw SystemError(call: "read", code: EFBIG, path: path) }
    }
  }

  /// How long to wait for the writer of a pipe. Nanoseconds.
  private static let pipeTimeout: UInt64 = 5_000_000_000

  private static func wait(
    for handle: FileHandle, _ path: String, until deadline: UInt64
  ) throws(SystemError) {
    let now = Clock.monotonicNanoseconds
    var ready = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
    let count =
      now < deadline
      ? try retryingOnInterrupt("poll", path) { poll(&ready, 1, Int32((deadline - now) / 1_000_000) + 1) } : 0
    guard count == 1 else { throw SystemError(call: "read", code: ETIMEDOUT, path: path) }
  }

  /// The mode of a folder whose entry in its parent may not be on the disk yet: 0700 and the sticky bit. That bit has
  /// no effect in a folder that only its owner may write to.
  private static let undurableMode: mode_t = 0o1700

  /// Creates a folder with mode 0700 and its missing parents. Each one is on the disk before anything is created in
  /// it. `mkdir(2)`, `fsync(2)`.
  /// - Throws: ``SystemError``. If `fsync` failed, the folder exists and keeps the sticky bit. The next
  ///   ``synchronizeFolder(of:)`` of any process then tries again.
  public static func makeFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try makeOneFolder(path)
    } catch  where error.code == ENOENT && path.contains("/") {
      try makeFolder(parent(of: path))
      // Not by recursion: below /proc, mkdir(2) fails with ENOENT although the parent exists.
      try makeOneFolder(path)
    }
  }

  private static func makeOneFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try retryingOnInterrupt("mkdir", path) { mkdir(path, undurableMode) }
    } catch  where error.code == EEXIST {}
    try makeDurable(path)
  }

  /// If a folder has ``undurableMode``, waits until its entry in its parent is on the disk.
  private static func makeDurable(_ folder: String) throws(SystemError) {
    guard let status = try FileStatus.ofFile(at: folder), status.isDirectory,
      status.permissions == undurableMode, status.owner == geteuid()
    else { return }
    try synchronizeFolder(of: folder)
    let handle = try FileHandle(path: folder, flags: .folder)
    // The parent may belong to another user, who may have replaced the folder.
    guard try handle.status().identity == status.identity else { return }
    // A folder that root creates gets its parent's owner, because the owner's processes must be able to use it.
    if status.owner == 0, let above = try FileStatus.ofFile(at: parent(of: folder)), above.owner != 0 {
      try retryingOnInterrupt("fchown", folder) { fchown(handle.descriptor, above.owner, above.group) }
    }
    try retryingOnInterrupt("fchmod", folder) { fchmod(handle.descriptor, 0o700) }
  }

  /// The folder that a path is in: `.` if the path has no slash.
  public static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// A path from the root on, for programs that start in another folder. Links stay: they are an administrator's names.
  /// A path stays as it is where there is no folder to begin in.
  public static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let folder = try? workingFolder() else { return path }
    var names = folder.split(separator: "/")
    for name in path.split(separator: "/") where name != "." {
      // Behind a link, `..` is another folder than the name before it says.
      names.append(name)
    }
    return "/" + names.joined(separator: "/")
  }

  /// What a symbolic link points to. `readlink(2)`.
  /// - Throws: ``SystemError``.
  static func target(ofLink path: String) throws(SystemError) -> String {
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try retryingOnInterrupt("readlink", path) { readlink(path, &target, target.count) }
    return String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The current working directory. `getcwd(3)`.
  /// - Throws: ``SystemError`` (`getcwd`).
  static func workingFolder() throws(SystemError) -> String {
    guard let path = getcwd(nil, 0) else { throw SystemError(call: "getcwd") }
    defer { free(path) }
    return String(cString: path)
  }

  /// The names in a folder except `.` and `..`, sorted by their bytes. `readdir(3)`.
  /// - Throws: ``SystemError`` (`opendir`).
  public static func names(in folder: String) throws(SystemError) -> [String] {
    guard let stream = opendir(folder) else { throw SystemError(call: "opendir", path: folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Creates a file atomically, with mode 0600: writes a temporary file, waits until it is on the disk, and gives it
  /// its name. `fsync(2)`, `renameat2(2)`.
  /// - Returns: false if the name is taken. Nothing changes then.
  /// - Throws: ``SystemError``.
  public static func createWhole(_ path: String, _ bytes: [UInt8]) throws(SystemError) -> Bool {
    let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
    let handle = try FileHandle(path: draft, flags: .createNew)
    defer { unlink(draft) }
    try retryingOnInterrupt("fchmod") { fchmod(handle.descriptor, 0o600) }
    try handle.writeAll(bytes, at: 0)
    try handle.synchronize()
    guard try renameIfFree(draft, to: path) else { return false }
    try synchronizeFolder(of: path)
    return true
  }

  /// Renames a file if the new name is free. Of several processes that try at once, exactly one succeeds. A file never
  /// has both names, not even after a power loss, as it would with `link(2)`. `renameat2(2)`, RENAME_NOREPLACE.
  /// - Returns: false if the name is taken.
  /// - Throws: ``SystemError`` (`renameat2`).
  public static func renameIfFree(_ path: String, to other: String) throws(SystemError) -> Bool {
    do throws(SystemError) {
      try retryingOnInterrupt("renameat2", other) {
        renameat2(AT_FDCWD, path, AT_FDCWD, other, UInt32(RENAME_NOREPLACE))
      }
      return true
    } catch {
      switch error.code {
      case EEXIST: return false
      case EINVAL: return try linkIfFree(path, as: other)
      default: throw error
      }
    }
  }

  /// The same for a file system without RENAME_NOREPLACE, such as NFS. `link(2)`.
  private static func linkIfFree(_ path: String, as other: String) throws(SystemError) -> Bool {
    do throws(SystemError) {
      try retryingOnInterrupt("link", other) { link(path, other) }
      try remove(path)
      return true
    } catch  where error.code == EEXIST {
      return false
    }
  }

  /// Creates or replaces a file atomically for readers. Doesn't wait for the disk: after a power loss, the content
  /// may be missing. `rename(2)`.
  /// - Throws: ``SystemError``.
  public static func replace(_ path: String, _ bytes: [UInt8], permissions: UInt32) throws(SystemError) {
    let draft = "\(path).\(getpid()).tmp"
    try remove(draft)
    let handle = try FileHandle(path: draft, flags: .createNew)
    try retryingOnInterrupt("fchmod") { fchmod(handle.descriptor, permissions) }
    try handle.writeAll(bytes, at: 0)
    try rename(draft, to: path)
  }

  /// Whether a path is on a network file system, where locks aren't reliable: NFS, CIFS, SMB 2, AFS or Ceph.
  /// `statfs(2)`.
  public static func isOnNetwork(_ path: String) -> Bool {
    var status = statfs()
    guard statfs(path, &status) == 0 else { return false }
    return [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x00c3_6400].contains(status.f_type & 0xffff_ffff)
  }

  /// Renames a file, and replaces a file that has the new name. `rename(2)`.
  /// - Throws: ``SystemError`` (`rename`).
  public static func rename(_ path: String, to other: String) throws(SystemError) {
    try retryingOnInterrupt("rename", other) { Glibc.rename(path, other) }
  }

  /// Removes a file if it exists. `unlink(2)`.
  /// - Throws: ``SystemError`` (`unlink`).
  public static func remove(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try retryingOnInterrupt("unlink", path) { unlink(path) }
    } catch  where error.code == ENOENT {
      return
    }
  }

  /// Waits until the entries of the folder that a path is in are on the disk, and the folder's own entry. `fsync(2)`.
  /// - Throws: ``SystemError``.
  public static func synchronizeFolder(of path: String) throws(SystemError) {
    let folder = parent(of: path)
    try FileHandle(path: folder, flags: .folder).synchronize()
    try makeDurable(folder)
  }
}
