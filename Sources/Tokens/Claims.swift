import Wire

/// What a token says. RFC 7519, section 4. Only a verifier tells whether it is true.
public struct Claims: Sendable {
  /// All of them.
  public let all: JSONObject

  public init(all: JSONObject) {
    self.all = all
  }

  public var subject: String? { all["sub"]?.string }
  public var tokenID: String? { all["jti"]?.string }
  public var role: String? { all["role"]?.string }
  /// `exp`, seconds since 1970.
  public var expiry: Double? { all["exp"]?.double }
  /// `type`, which is `refresh` for a refresh token and absent otherwise.
  public var type: String? { all["type"]?.string }
  public var sessionID: String? { all["session_id"]?.string }

  /// `aud`, one text or a list of them.
  public var audiences: [String] { Self.texts(all["aud"]) }

  /// `groups`, a list.
  public var groups: [String] { all["groups"]?.array?.compactMap(\.string) ?? [] }

  /// `scopes`, a list as the peer's agents have it, and `scope`, texts with spaces between (RFC 8693, section 4.2).
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
