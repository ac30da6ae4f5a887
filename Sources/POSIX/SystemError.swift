import Glibc

/// A failed system call: its name and the `errno` it left.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  /// The name of the call, as in section 2 of the manual.
  public let call: String
  /// The value of `errno`.
  public let code: Int32

  public init(call: String, code: Int32 = errno) {
    self.call = call
    self.code = code
  }

  public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// Runs a system call that answers -1 on failure, again when a signal interrupts it.
///
/// Nearly the one place that looks at `errno`; the exceptions are sockets that don't block.
/// - Throws: ``SystemError`` with the name given.
@inlinable
@discardableResult
public func retryingOnInterrupt<Value: FixedWidthInteger>(
  _ call: @autoclosure () -> String, _ body: () -> Value
) throws(SystemError) -> Value {
  while true {
    let value = body()
    if value != -1 { return value }
    let code = errno
    if code != EINTR { throw SystemError(call: call(), code: code) }
  }
}
