import Synchronization

/// A value that the first thread that needs it makes, once.
///
/// OpenSSL takes a millisecond to initialize. A CGI script that only publishes keys never calls it.
final class OnFirstUse<Value: Sendable>: Sendable {
  private let value: Mutex<Value?>
  private let make: @Sendable () throws(KeyError) -> Value

  init(_ make: @escaping @Sendable () throws(KeyError) -> Value) {
    value = Mutex(nil)
    self.make = make
  }

  /// - Throws: ``KeyError`` if the value can't be made. The next call tries again.
  func get() throws(KeyError) -> Value {
    try value.withLock { (value: inout sending Value?) throws(KeyError) -> Value in
      if let value { return value }
      let made = try make()
      value = made
      return made
    }
  }
}
