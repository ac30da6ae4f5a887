/// The tokens that are no longer good although they haven't expired.
public protocol RevocationStore: Sendable {
  /// Whether a token was revoked, by this process or any other.
  /// - Parameter tokenID: the token's `jti`.
  /// - Throws: ``StoreError`` where that can't be told; the token must not pass then.
  func isRevoked(_ tokenID: String) throws -> Bool
}
