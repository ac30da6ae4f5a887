import Synchronization

/// A value that is made when it is first needed, once, by whichever thread that is.
///
/// OpenSSL takes a millisecond to get going: a CGI script that only publishes keys does without it.
final class OnFirstUse<Value: Sendable>: Sendable {
  private let value: Mutex<Value?>
  private let make: @Sendable () throws(KeyError) -> Value

  init(_ make: @escaping @Sendable () throws(KeyError) -> Value) {
    value = Mutex(nil)
    self.make = make
  }

  /// - Throws: ``KeyError`` where it can't be made; the next call tries again.
  func get() throws(KeyError) -> Value {
    try value.withLock { (value: inout sending Value?) throws(KeyError) -> Value in
      if let value { return value }
      let made = try make()
      value = made
      return made
    }
  }
}
