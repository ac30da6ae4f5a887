import Wire

/// The record that a token is revoked.
public struct Revocation: Sendable, Equatable {
  /// The token's `jti`.
  public let tokenID: String
  /// When the token was revoked. Seconds since 1970, with a fraction.
  public let revokedAt: Double
  /// Why the token was revoked, as the caller gave it. May be empty.
  public let reason: String
  /// The `sub` of the caller who revoked it.
  public let revokedBy: String
  /// The token's `exp`, seconds since 1970; nil if the store doesn't know it.
  public let expiry: Int?

  public init(
    tokenID: String, revokedAt: Double, reason: String, revokedBy: String, expiry: Int? = nil
  ) {
    self.tokenID = tokenID
    self.revokedAt = revokedAt
    self.reason = reason
    self.revokedBy = revokedBy
    self.expiry = expiry
  }

  /// The JSON object of the HTTP contract: `jti`, `revoked_at`, `reason`, `revoked_by`.
  public var json: [UInt8] { contract.finish() }

  /// The JSON object that a file holds: ``json`` with `exp`, if that is known.
  var record: [UInt8] {
    var object = contract
    if let expiry { object.add("exp", expiry) }
    return object.finish()
  }

  private var contract: JSONObjectWriter {
    var object = JSONObjectWriter()
    object.add("jti", tokenID)
    object.add("revoked_at", revokedAt)
    object.add("reason", reason)
    object.add("revoked_by", revokedBy)
    return object
  }

  /// Reads the object that ``record`` writes. Returns nil if `jti` is missing. Other missing members are
  /// empty, because people edit such files by hand.
  init?(_ object: JSONObject) {
    guard let tokenID = object["jti"]?.string, !tokenID.isEmpty else { return nil }
    self.init(
      tokenID: tokenID, revokedAt: object["revoked_at"]?.double ?? 0,
      reason: object["reason"]?.string ?? "", revokedBy: object["revoked_by"]?.string ?? "",
      expiry: object["exp"]?.wholeSeconds)
  }
}
