import CLinux
import Glibc

/// Whole-file operations.
public enum Files {
  /// Reads a file from beginning to end. Symbolic links are followed: configuration and secrets are often
  /// mounted as links. From a pipe or a terminal it takes what comes within 5 s.
  /// - Parameters:
  ///   - limit: a larger file is refused with EFBIG. Bytes.
  ///   - check: looks at the open file before it is read, and throws to refuse it.
  /// - Throws: ``SystemError``, or what `check` throws.
  public static func read(
    _ path: String, limit: Int = 1 << 20, check: (FileStatus) throws -> Void = { _ in }
  ) throws -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let handle = FileHandle(owning: try retryingOnInterrupt("open", path) { open(path, flags) })
    let status = try handle.status()
    try check(status)
    guard !status.isDirectory else { throw SystemError(call: "open", code: EISDIR, path: path) }
    let deadline = Clock.monotonicNanoseconds + pipeTimeout
    // A pipe that nobody has opened for writing yet would look empty.
    if status.type == .pipe { try wait(for: handle, path, until: deadline) }
    var bytes: [UInt8] = []
    while true {
      do throws(SystemError) {
        // Not by the size that fstat tells: pipes and files below /proc have none.
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

  /// How long to wait for whoever writes to a pipe. Nanoseconds.
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

  /// What a folder has until its entry in the one above it is on the disk: mode 0700 and the sticky bit, which means
  /// nothing in a folder that only its owner may write to.
  private static let undurableFolder: mode_t = 0o1700

  /// Makes a folder with mode 0700, and those above it, unless they are there; each is on the disk before anything is
  /// made in it.
  /// - Throws: ``SystemError`` (`mkdir`, `fsync`). A folder that is there then has the sticky bit, and
  ///   ``synchronizeFolder(of:)`` tries again, whoever calls it.
  public static func makeFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try makeOneFolder(path)
    } catch  where error.code == ENOENT && path.contains("/") {
      try makeFolder(parent(of: path))
      // Below /proc a folder can't be made although the one above is there.
      try makeOneFolder(path)
    }
  }

  private static func makeOneFolder(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try retryingOnInterrupt("mkdir", path) { mkdir(path, undurableFolder) }
    } catch  where error.code == EEXIST {}
    try makeDurable(path)
  }

  /// Waits until a folder's entry in the one above it is on the disk, where that isn't known.
  private static func makeDurable(_ folder: String) throws(SystemError) {
    guard let status = try FileStatus.ofFile(at: folder), status.isDirectory,
      status.permissions == undurableFolder, status.owner == geteuid()
    else { return }
    try synchronizeFolder(of: folder)
    let handle = try FileHandle(path: folder, flags: .folder)
    // It may have been exchanged, as the folder above may belong to somebody else.
    guard try handle.status().identity == status.identity else { return }
    // What root makes belongs to the owner of the folder above, whose processes are to work with it.
    if status.owner == 0, let above = try FileStatus.ofFile(at: parent(of: folder)), above.owner != 0 {
      try retryingOnInterrupt("fchown", folder) { fchown(handle.descriptor, above.owner, above.group) }
    }
    try retryingOnInterrupt("fchmod", folder) { fchmod(handle.descriptor, 0o700) }
  }

  /// The folder a path lies in.
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

  /// The folder that relative paths begin in. `getcwd(3)`.
  /// - Throws: ``SystemError``.
  static func workingFolder() throws(SystemError) -> String {
    guard let path = getcwd(nil, 0) else { throw SystemError(call: "getcwd") }
    defer { free(path) }
    return String(cString: path)
  }

  /// The names in a folder, sorted by their bytes. `readdir(3)`.
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

  /// Makes a file appear whole or not at all: written beside, flushed, then linked under its name.
  /// - Returns: false, and nothing is changed, where the name is taken already.
  /// - Throws: ``SystemError``.
  public static func createWhole(_ path: String, _ bytes: [UInt8]) throws(SystemError) -> Bool {
    let draft = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp"
    let handle = try FileHandle(path: draft, flags: .createNew)
    defer { unlink(draft) }
    try retryingOnInterrupt("fchmod") { fchmod(handle.descriptor, 0o600) }
    try handle.writeAll(bytes, at: 0)
    try handle.synchronize()
    do throws(SystemError) {
      // link(2), not rename(2): of many processes that try at once exactly one succeeds.
      try retryingOnInterrupt("link", path) { link(draft, path) }
    } catch  where error.code == EEXIST {
      return false
    }
    try synchronizeFolder(of: path)
    return true
  }

  /// Puts a file in place of another, whole or not at all.
  /// - Throws: ``SystemError``.
  public static func replace(_ path: String, _ bytes: [UInt8], permissions: UInt32) throws(SystemError) {
    let draft = "\(path).\(getpid()).tmp"
    try remove(draft)
    let handle = try FileHandle(path: draft, flags: .createNew)
    try retryingOnInterrupt("fchmod") { fchmod(handle.descriptor, permissions) }
    try handle.writeAll(bytes, at: 0)
    try rename(draft, to: path)
  }

  /// Whether a path lies on a network file system, where locks aren't to be relied on. `statfs(2)`: NFS, CIFS,
  /// SMB 2, AFS, Ceph.
  public static func isOnNetwork(_ path: String) -> Bool {
    var status = statfs()
    guard statfs(path, &status) == 0 else { return false }
    return [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x5346_414f, 0x00c3_6400].contains(status.f_type & 0xffff_ffff)
  }

  /// Gives a file another name, in place of what had it. `rename(2)`.
  /// - Throws: ``SystemError``.
  public static func rename(_ path: String, to other: String) throws(SystemError) {
    try retryingOnInterrupt("rename", other) { Glibc.rename(path, other) }
  }

  /// Removes a file, if it is there. `unlink(2)`.
  /// - Throws: ``SystemError``.
  public static func remove(_ path: String) throws(SystemError) {
    do throws(SystemError) {
      try retryingOnInterrupt("unlink", path) { unlink(path) }
    } catch  where error.code == ENOENT {
      return
    }
  }

  /// Waits until the entries of the folder a path lies in are on the disk, and the folder's own.
  /// - Throws: ``SystemError``.
  public static func synchronizeFolder(of path: String) throws(SystemError) {
    let folder = parent(of: path)
    try FileHandle(path: folder, flags: .folder).synchronize()
    try makeDurable(folder)
  }
}
