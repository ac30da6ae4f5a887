import Glibc

/// A failed system call: its name, the `errno` it left, and the file it was about.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The name of the call, as in section 2 of the manual.
  public let call: String
  /// The value of `errno`.
  public let code: Int32
  /// The file or folder; nil where the call knows a descriptor only.
  public let path: String?

  public init(call: String, code: Int32 = errno, path: String? = nil) {
    self.call = call
    self.code = code
    self.path = path
  }

  /// The same failure of a file that the caller knows the name of.
  public func at(_ path: String) -> SystemError {
    SystemError(call: call, code: code, path: self.path ?? path)
  }

  public var description: String { path.map { "\($0): \(reason)" } ?? reason }

  /// As the description, without the path: call, message and what to do.
  public var reason: String {
    let message = "\(call): \(String(cString: strerror(code)))"
    return remedy.map { "\(message); \($0)" } ?? message
  }

  /// What to do; nil where the message tells.
  private var remedy: String? {
    switch code {
    case EACCES,
      EPERM where path != nil:
      let user = Account.name(of: geteuid())
      return "give user \(user) the rights to it and to the folders above it, or run as another user"
    case ENOENT: return missingFolder.map { "make the folder \($0) first" }
    case ELOOP: return "put the file itself in place of the symbolic link"
    case ENXIO: return "it is no regular file: move it away"
    case EROFS: return "its file system is mounted read-only"
    case EADDRINUSE: return "another process listens there: stop it, or listen elsewhere"
    case EADDRNOTAVAIL: return "listen on an address of this host"
    case EMFILE: return "raise the limit of open files (LimitNOFILE, ulimit -n)"
    case ENOSPC, EDQUOT: return "make room on its file system"
    default: return nil
    }
  }

  /// The topmost folder above the path that isn't there.
  private var missingFolder: String? {
    guard var folder = path.map(Files.parent) else { return nil }
    var missing: String?
    while access(folder, F_OK) != 0, errno == ENOENT {
      missing = folder
      let above = Files.parent(of: folder)
      if above == folder { break }
      folder = above
    }
    return missing
  }
}

/// Runs a system call that answers -1 on failure, again when a signal interrupts it.
///
/// Nearly the one place that looks at `errno`; the exceptions are sockets that don't block.
/// - Throws: ``SystemError`` with the name and the path given.
@inlinable
@discardableResult
public func retryingOnInterrupt<Value: FixedWidthInteger>(
  _ call: @autoclosure () -> String, _ path: @autoclosure () -> String? = nil, _ body: () -> Value
) throws(SystemError) -> Value {
  while true {
    let value = body()
    if value != -1 { return value }
    let code = errno
    if code != EINTR { throw SystemError(call: call(), code: code, path: path()) }
  }
}
