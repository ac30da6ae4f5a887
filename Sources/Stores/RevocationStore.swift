/// The tokens that are revoked before they expire.
///
/// All workers share a store. Any number of threads and processes may call each method at once.
public protocol RevocationStore: Sendable {
  /// Revokes a token. If the token is already revoked, the store returns the first entry unchanged.
  /// - Parameters:
  ///   - tokenID: the token's `jti`.
  ///   - reason: why the token is revoked. May be empty.
  ///   - actor: the `sub` of the caller who revokes it.
  ///   - expiry: the token's `exp`, seconds since 1970; nil if the caller doesn't know it. The store may
  ///     forget the token once that time has passed.
  /// - Returns: the entry, once it is durable and ``isRevoked(_:)`` returns true in every process.
  /// - Throws: ``StoreError`` if the store can't promise that.
  func revoke(_ tokenID: String, reason: String, by actor: String, expiry: Int?) throws -> Revocation

  /// Revokes several tokens, and waits for the disk once. The default implementation revokes them one by one.
  /// - Parameter tokens: each token's `jti`, and its `exp` in seconds since 1970; nil if that is unknown.
  /// - Throws: ``StoreError`` if the store can't promise all of them. Some may be revoked then.
  func revoke(_ tokens: [(tokenID: String, expiry: Int?)], reason: String, by actor: String) throws

  /// Whether a token is revoked, by this process or any other.
  /// - Parameter tokenID: the token's `jti`.
  /// - Throws: ``StoreError`` if the store can't tell. Refuse the token then.
  func isRevoked(_ tokenID: String) throws -> Bool

  /// Prepares for many look-ups. A long-lived process calls it once at its start. The default implementation
  /// does nothing.
  /// - Throws: ``StoreError`` if the store is damaged and the process must not start.
  func prepare() throws

  /// Lists the revocations as they are now, newest first.
  /// - Parameter cursor: the cursor of an earlier list, to list only newer revocations. The store lists
  ///   everything if it doesn't know the cursor, or if the cursor is nil.
  /// - Throws: ``StoreError``.
  func list(since cursor: String?) throws -> RevocationList

  /// Checks that the store can write a record now, and leaves nothing behind. The default implementation does
  /// nothing.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension RevocationStore {
  /// Revokes a token whose expiry the caller doesn't know.
  /// - Throws: ``StoreError``, as ``revoke(_:reason:by:expiry:)`` does.
  public func revoke(_ tokenID: String, reason: String, by actor: String) throws -> Revocation {
    try revoke(tokenID, reason: reason, by: actor, expiry: nil)
  }

  public func revoke(_ tokens: [(tokenID: String, expiry: Int?)], reason: String, by actor: String) throws {
    for token in tokens { _ = try revoke(token.tokenID, reason: reason, by: actor, expiry: token.expiry) }
  }

  public func prepare() throws {}

  public func checkWritable() throws {}
}
