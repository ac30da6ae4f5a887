// What workers share: challenges and revocations, as protocols and as files under locks. No HTTP, no
// cryptography beyond hashing, nothing of tokens but their identifiers.

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
}
