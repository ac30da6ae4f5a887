import Glibc

// The module POSIX owns what the program asks of Linux: system calls and errno, files and folders, threads, clocks
// and deadlines, users, random bytes. It knows nothing of HTTP, FastCGI, stores or authentication.

/// A failed system call: its name, its `errno`, and the file that it was about.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The name of the call, as in the manual.
  public let call: String
  /// The value of `errno`. `errno(3)`.
  public let code: Int32
  /// The file or folder; nil if the call takes a descriptor.
  public let path: String?

  public init(call: String, code: Int32 = errno, path: String? = nil) {
    self.call = call
    self.code = code
    self.path = path
  }

  /// This failure with a path, unless it has one.
  public func at(_ path: String) -> SystemError {
    SystemError(call: call, code: code, path: self.path ?? path)
  }

  public var description: String { path.map { "\($0): \(reason)" } ?? reason }

  /// The description without the path: call, message and remedy.
  public var reason: String {
    let message = "\(call): \(String(cString: strerror(code)))"
    return remedy.map { "\(message); \($0)" } ?? message
  }

  /// What the operator can do; nil if the message says enough.
  private var remedy: String? {
    switch code {
    case EACCES,
      EPERM where path != nil:
      let user = Account.name(of: geteuid())
      return "give user \(user) the rights to it and to the folders above it, or run as another user"
    case ENOENT: return missingFolder.map { "make the folder \($0) first" }
    case ELOOP: return "replace the symbolic link by the file itself"
    case ENXIO: return "it isn't a regular file: move it away"
    case EROFS: return "its file system is mounted read-only"
    case EADDRINUSE: return "another process listens there: stop it, or listen elsewhere"
    case EADDRNOTAVAIL: return "listen on an address of this host"
    case EMFILE: return "raise the limit of open files (LimitNOFILE, ulimit -n)"
    case ENOSPC, EDQUOT: return "free space on its file system"
    default: return nil
    }
  }

  /// The topmost missing folder of the path.
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

/// Makes a system call that returns -1 on failure, and repeats it when a signal interrupts it (EINTR).
///
/// Use it for every call that may block. Code reads `errno` itself only after calls that don't block, or where one
/// value has a meaning of its own.
/// - Parameters:
///   - call: the name of the call, for the error.
///   - path: the file that the call is about, for the error.
/// - Throws: ``SystemError``.
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
