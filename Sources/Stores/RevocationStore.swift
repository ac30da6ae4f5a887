/// The tokens that are no longer good although they haven't expired.
///
/// A store is shared by every worker, and each of its methods may be called by any number of threads and
/// processes at once.
public protocol RevocationStore: Sendable {
  /// Revokes a token for good. The second time the first entry is given back unchanged.
  /// - Parameters:
  ///   - tokenID: the token's `jti`.
  ///   - actor: who revokes it.
  ///   - expiry: the token's `exp`, seconds since 1970; nil where the caller doesn't know it. The store may forget the
  ///     token once that time has passed.
  /// - Returns: once every later ``isRevoked(_:)`` of any process is true, and a crash can't undo it.
  /// - Throws: ``StoreError`` where that can't be promised.
  func revoke(_ tokenID: String, reason: String, by actor: String, expiry: Int?) throws -> Revocation

  /// Whether a token was revoked, by this process or any other.
  /// - Throws: ``StoreError`` where that can't be told; the token must not pass then.
  func isRevoked(_ tokenID: String) throws -> Bool

  /// Gets ready for many look-ups; called once by a process that is to live. Does nothing by default.
  /// - Throws: ``StoreError`` where the store is damaged and the process must not start.
  func prepare() throws

  /// The revocations as they are now.
  /// - Parameter cursor: one that an earlier list gave; only what has come since is listed then. One that is
  ///   no longer understood lists everything.
  /// - Throws: ``StoreError``.
  func list(since cursor: String?) throws -> RevocationList

  /// Proves that the store could take a record now, and leaves nothing behind. By default it always can.
  /// - Throws: ``StoreError`` with the reason.
  func checkWritable() throws
}

extension RevocationStore {
  /// Revokes a token whose expiry the caller doesn't know.
  /// - Throws: ``StoreError``, as ``revoke(_:reason:by:expiry:)`` does.
  public func revoke(_ tokenID: String, reason: String, by actor: String) throws -> Revocation {
    try revoke(tokenID, reason: reason, by: actor, expiry: nil)
  }

  public func prepare() throws {}

  public func checkWritable() throws {}
}
