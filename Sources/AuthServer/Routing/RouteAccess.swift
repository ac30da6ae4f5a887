import Gate
import Wire

/// Who may call a route.
public enum RouteAccess: Sendable {
  /// Anybody; what the route itself asks for stands in its request.
  case anybody
  /// Whoever has an operator's token.
  case operators
  /// Whoever has a validator's token, or an operator's.
  case validators
  /// Web servers. The configurations that ship with the program close it to clients.
  case webServers

  /// The same for the documentation; empty for anybody.
  public var summary: String {
    switch self {
    case .anybody: ""
    case .operators: "Needs the role `operator` or `admin_role`."
    case .validators: "Needs the role `service`, `operator` or `admin_role`."
    case .webServers: "For web servers: the shipped configurations close it to clients."
    }
  }

  /// The requirements that a bearer token has to meet; nil where a route needs none.
  /// - Parameter settings: `admin_role` is an operator's role besides `operator`.
  func requirements(_ settings: Settings) -> Requirements? {
    let operators =
      settings.adminRole.hasSameBytes(as: "operator") ? ["operator"] : [settings.adminRole, "operator"]
    switch self {
    case .anybody, .webServers: return nil
    case .operators: return Requirements(roles: operators)
    case .validators: return Requirements(roles: ["service"] + operators)
    }
  }
}
