import CLinux
import Glibc
import POSIX

/// A listening socket that worker processes share.
public final class ListeningSocket: CustomStringConvertible {
  /// Who may connect to a unix socket.
  public struct Access {
    /// Permission bits. A process that can connect can claim to be the web server, so by default only the owner and
    /// the group can.
    public var mode: UInt32 = 0o660
    /// The owning user id; nil is this process's.
    public var owner: UInt32?
    /// The owning group id; nil is this process's.
    public var group: UInt32?

    public init() {}
  }

  /// The kernel limits the backlog to `net.core.somaxconn`. `listen(2)`.
  private static let backlog = Int32.max
  /// How many times to check whether another process has stopped listening.
  private static let probes = 20
  /// The time between two checks. Microseconds.
  private static let probePause: UInt32 = 100_000

  public let description: String
  let handle: FileHandle
  /// The socket file to remove at the end. nil once removed: another process may then own a file of that name.
  private var path: String?

  /// Binds and listens. Replaces a socket file that no process listens on. `bind(2)`, `listen(2)`.
  /// - Throws: ``ListenError``.
  public init(_ address: ListenAddress, access: Access = Access()) throws(ListenError) {
    description = "\(address)"
    do {
      switch address {
      case .unix(let path):
        self.path = path
        handle = try Self.unix(path, access)
      case .tcp(let host, let port):
        path = nil
        handle = try Self.tcp(host, port)
      }
      try retryingOnInterrupt("listen") { [handle] in listen(handle.descriptor, Self.backlog) }
    } catch let error as ListenError {
      throw error
    } catch let error as SystemError {
      throw ListenError(description: "\(address): \(error.reason)")
    } catch {
      throw ListenError(description: "\(address): \(error)")
    }
  }

  /// Uses the socket that the service manager passed to this process. `sd_listen_fds(3)`.
  /// - Returns: nil if it passed none.
  /// - Throws: ``ListenError`` if it passed several, or one that doesn't listen.
  public init?(inheritedBy environment: [String: String]) throws(ListenError) {
    guard environment["LISTEN_PID"] == "\(getpid())", let count = environment["LISTEN_FDS"] else {
      return nil
    }
    let descriptor: Int32 = 3
    guard count == "1", StartMode.isListening(descriptor) else {
      throw ListenError(
        description:
          "LISTEN_FDS=\(count): expected one listening socket: give the socket unit one ListenStream=")
    }
    description = "socket of the service manager"
    path = nil
    handle = FileHandle(owning: descriptor)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// Removes the socket file, if this process made it.
  public func remove() {
    if let path { unlink(path) }
    path = nil
  }

  private static func unix(_ path: String, _ access: Access) throws -> FileHandle {
    let handle = try open(AF_UNIX)
    if let status = try FileStatus.ofFile(at: path) {
      guard status.isSocket else {
        throw ListenError(description: "unix:\(path): isn't a socket: move the file away")
      }
      try refuseIfInUse(path)
      try Files.remove(path)
    }
    // Another user may own the folder and replace the file by a symbolic link. bind(2) doesn't follow one, and
    // chmod(2) would: so the umask gives the file its mode from the beginning.
    let mask = umask(~mode_t(access.mode) & 0o777)
    defer { umask(mask) }
    _ = try withUnixAddress(path) { address, size in
      try retryingOnInterrupt("bind", path) { bind(handle.descriptor, address, size) }
    }
    if access.owner != nil || access.group != nil {
      try changeOwner(path, access)
    }
    return handle
  }

  /// Changes the owner of the socket, and of no other file: the folder's owner could have replaced the socket by a
  /// hard link to a file that root owns.
  /// - Throws: ``SystemError`` with ENXIO if the file isn't a socket or has several names.
  private static func changeOwner(_ path: String, _ access: Access) throws(SystemError) {
    let file = FileHandle(
      owning: try retryingOnInterrupt("open", path) { Glibc.open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC) })
    let status = try file.status()
    guard status.isSocket, status.links == 1 else { throw SystemError(call: "open", code: ENXIO, path: path) }
    try retryingOnInterrupt("fchownat", path) {
      fchownat(file.descriptor, "", access.owner ?? .max, access.group ?? .max, AT_EMPTY_PATH)
    }
  }

  /// Only a refused connection proves that no process listens. After a supervisor was killed, its workers still
  /// listen for a second or two, so this waits up to 2 s.
  private static func refuseIfInUse(_ path: String) throws {
    var code = try attempt(path)
    for _ in 0..<probes where code == 0 {
      usleep(probePause)
      code = try attempt(path)
    }
    if code == ECONNREFUSED || code == ENOENT { return }
    throw ListenError(
      description: code == 0 || code == EAGAIN
        ? "unix:\(path): another process listens there: stop it, or listen elsewhere"
        : "unix:\(path): \(SystemError(call: "connect", code: code, path: path).reason)")
  }

  /// Connects, without waiting. `connect(2)`.
  /// - Returns: 0 or an `errno`.
  private static func attempt(_ path: String) throws(SystemError) -> Int32 {
    let probe = try open(AF_UNIX, SOCK_NONBLOCK.rawValue)
    return withUnixAddress(path) { address, size in
      connect(probe.descriptor, address, size) == 0 ? 0 : errno
    }
  }

  private static func withUnixAddress<Value>(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value
  ) rethrows -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return try withUnsafePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func tcp(_ host: String, _ port: UInt16) throws -> FileHandle {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, "\(port)", &hints, &list)
    guard result == 0, let entry = list?.pointee else {
      throw ListenError(description: "\(host): \(String(cString: gai_strerror(result)))")
    }
    defer { freeaddrinfo(list) }
    let handle = try open(entry.ai_family)
    var on: Int32 = 1
    try retryingOnInterrupt("setsockopt") {
      setsockopt(
        handle.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    }
    try retryingOnInterrupt("bind") {
      bind(handle.descriptor, entry.ai_addr, entry.ai_addrlen)
    }
    return handle
  }

  private static func open(_ family: Int32, _ flags: UInt32 = 0) throws(SystemError) -> FileHandle {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | flags)
    return FileHandle(
      owning: try retryingOnInterrupt("socket") { socket(family, type, 0) })
  }
}

/// Listening on an address failed. The description names the address, the cause and the remedy.
public struct ListenError: Error, CustomStringConvertible {
  public let description: String
}
