import POSIX

/// Why a store can't do what a caller asked. The store has promised nothing, so the caller can try again.
public struct StoreError: Error, CustomStringConvertible {
  /// What went wrong, for the log. It may name files, so don't send it to clients.
  public let description: String
  /// How long to wait before the next attempt. Seconds.
  public let retryAfter: Int

  public init(_ description: String, retryAfter: Int = 1) {
    self.description = description
    self.retryAfter = retryAfter
  }

  /// Runs a body that works on a file, and turns its errors into errors of the store.
  /// - Parameter path: the file that the errors name.
  /// - Throws: ``StoreError`` for a failed system call or a damaged record; otherwise what the body throws.
  static func translating<Value>(_ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as SystemError {
      throw StoreError("\(error.at(path))")
    } catch is RecordLine.Damaged {
      throw StoreError("\(path): damaged record; pico-auth store verify shows it")
    }
  }
}
