import Gate
import Wire

/// Who may call a route.
public enum RouteAccess: Sendable {
  /// Any client. The request itself may carry what the route checks, such as a password.
  case anybody
  /// Clients that are signed in, with any role.
  case signedIn
  /// Clients with an operator's token.
  case operators
  /// Clients with a validator's or an operator's token.
  case validators
  /// Web servers. The shipped configurations close the route to clients.
  case webServers

  /// The access in one sentence, for the documentation; empty for ``anybody``.
  public var summary: String {
    switch self {
    case .anybody: ""
    case .signedIn: "Needs a token or a session's cookie."
    case .operators: "Needs the role `operator` or `admin_role`."
    case .validators: "Needs the role `service`, `operator` or `admin_role`."
    case .webServers: "For web servers: the shipped configurations close it to clients."
    }
  }

  /// The requirements that the caller must meet; nil if the route needs no credential.
  /// - Parameter settings: `admin_role` is an operator's role besides `operator`.
  func requirements(_ settings: Settings) -> Requirements? {
    let operators = OperatorRoles(settings).names
    switch self {
    case .anybody, .webServers: return nil
    case .signedIn: return Requirements()
    case .operators: return Requirements(roles: operators)
    case .validators: return Requirements(roles: ["service"] + operators)
    }
  }
}
