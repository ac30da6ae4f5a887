/// A meta-variable that this program reads. It drops all others. RFC 3875, section 4.1.
///
/// This is the only list of them. ``MetaVariables`` keeps these variables. The gate can read those whose ``gateUse``
/// isn't `none`, and nginx's cache key is generated from them.
public enum RequestInput: Int, CaseIterable, Sendable {
  case contentLength, contentType, pathInfo, queryString, remoteAddress, requestMethod, scriptName, userAgent
  case accept, agentAuthorization, authorization, cookie, fleetSecret, forwardedFor, forwardedHost,
    forwardedMethod
  case host, ifNoneMatch, origin, webSocketKey
  case passToken, requiredAudience, requiredGroup, requiredRole, requiredScope

  /// How the gate's answer depends on an input.
  public enum GateUse: Sendable {
    /// It doesn't: the gate can't read the input.
    case none
    /// The answer depends on the input, which describes the client's request.
    case request
    /// The answer depends on the input, which the web server's configuration sets. No client can set it, because the
    /// variables of a client's header fields begin with `HTTP_`.
    case requirement
  }

  /// The name of the variable.
  public var variable: String { declaration.variable }

  public var gateUse: GateUse { declaration.gateUse }

  /// Whether the variable holds a header field, which the client may send several times. RFC 3875, section 4.1.18.
  public var isHeaderField: Bool { variable.hasPrefix("HTTP_") }

  private var declaration: (variable: String, gateUse: GateUse) {
    switch self {
    case .contentLength: ("CONTENT_LENGTH", .none)
    case .contentType: ("CONTENT_TYPE", .none)
    case .pathInfo: ("PATH_INFO", .none)
    case .queryString: ("QUERY_STRING", .none)
    case .remoteAddress: ("REMOTE_ADDR", .none)
    case .requestMethod: ("REQUEST_METHOD", .request)
    case .scriptName: ("SCRIPT_NAME", .none)
    case .userAgent: ("HTTP_USER_AGENT", .none)
    case .accept: ("HTTP_ACCEPT", .none)
    case .agentAuthorization: ("HTTP_X_AGENT_AUTHORIZATION", .request)
    case .authorization: ("HTTP_AUTHORIZATION", .request)
    case .cookie: ("HTTP_COOKIE", .request)
    case .fleetSecret: ("HTTP_X_FLEET_SECRET", .none)
    case .forwardedFor: ("HTTP_X_FORWARDED_FOR", .none)
    case .forwardedHost: ("HTTP_X_FORWARDED_HOST", .request)
    case .forwardedMethod: ("HTTP_X_FORWARDED_METHOD", .request)
    case .host: ("HTTP_HOST", .request)
    case .ifNoneMatch: ("HTTP_IF_NONE_MATCH", .none)
    case .origin: ("HTTP_ORIGIN", .request)
    case .webSocketKey: ("HTTP_SEC_WEBSOCKET_KEY", .request)
    case .passToken: ("PICO_AUTH_PASS_TOKEN", .requirement)
    case .requiredAudience: ("PICO_AUTH_REQUIRE_AUDIENCE", .requirement)
    case .requiredGroup: ("PICO_AUTH_REQUIRE_GROUP", .requirement)
    case .requiredRole: ("PICO_AUTH_REQUIRE_ROLE", .requirement)
    case .requiredScope: ("PICO_AUTH_REQUIRE_SCOPE", .requirement)
    }
  }
}
