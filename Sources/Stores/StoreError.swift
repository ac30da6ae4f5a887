// What workers share: challenges and revocations, as protocols and as files under locks. No HTTP, no
// cryptography beyond hashing, nothing of tokens but their identifiers.

import POSIX

/// Why a store could not do what was asked. Nothing was promised, so the request can be tried again.
public struct StoreError: Error, CustomStringConvertible {
  /// What went wrong, for the log; may name files, so not for clients.
  public let description: String
  /// When to try again. Seconds.
  public let retryAfter: Int

  public init(_ description: String, retryAfter: Int = 1) {
    self.description = description
    self.retryAfter = retryAfter
  }

  /// Runs a body that works on a file; what goes wrong comes out as a store's error.
  /// - Throws: ``StoreError`` for a failed call and a damaged record; else what the body throws.
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
