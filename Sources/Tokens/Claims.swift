import Wire

/// The claims of a token. RFC 7519, section 4. They are true only if a verifier returned them.
public struct Claims: Sendable {
  /// All claims.
  public let all: JSONObject

  public init(all: JSONObject) {
    self.all = all
  }

  /// `sub`.
  public var subject: String? { all["sub"]?.string }
  /// `jti`.
  public var tokenID: String? { all["jti"]?.string }
  /// `role`.
  public var role: String? { all["role"]?.string }
  /// `exp`. Seconds since 1970, with a fraction.
  public var expiry: Double? { all["exp"]?.double }
  /// `type`: `refresh` for a refresh token, absent otherwise.
  public var type: String? { all["type"]?.string }
  /// `iat`. Seconds since 1970, with a fraction.
  public var issuedAt: Double? { all["iat"]?.double }
  /// `sid`: the session that issued the token.
  public var session: String? { all["sid"]?.string }
  /// `session_id` of a fleet session's token.
  public var sessionID: String? { all["session_id"]?.string }

  /// `aud`, which is a string or a list of strings. RFC 7519, section 4.1.3.
  public var audiences: [String] { Self.texts(all["aud"]) }

  /// `groups`, a list of strings.
  public var groups: [String] { all["groups"]?.array?.compactMap(\.string) ?? [] }

  /// `scopes`, a list of strings as pico-server-auth's agents have it, and `scope`, names with spaces in
  /// between (RFC 8693, section 4.2).
  public var scopes: [String] {
    let list = all["scopes"]?.array?.compactMap(\.string) ?? []
    return list + (all["scope"]?.string?.split(separator: " ").map(String.init) ?? [])
  }

  private static func texts(_ value: JSONValue?) -> [String] {
    switch value {
    case .string(let text): [text]
    case .array(let values): values.compactMap(\.string)
    default: []
    }
  }
}
