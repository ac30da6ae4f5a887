import Wire

/// The claims of a token whose signature, times, issuer and audience were found good. RFC 7519, section 4.
public struct Claims: Sendable {
  /// All of them.
  public let all: JSONObject
  /// `exp`, seconds since 1970.
  public let expiry: Double

  init(all: JSONObject, expiry: Double) {
    self.all = all
    self.expiry = expiry
  }

  public var subject: String? { all["sub"]?.string }
  public var tokenID: String? { all["jti"]?.string }
  public var role: String? { all["role"]?.string }
  /// `type`, which is `refresh` for a refresh token and absent otherwise.
  public var type: String? { all["type"]?.string }
}
