/// Why a token is refused.
public enum TokenError: Error, Equatable, CustomStringConvertible {
  /// The token is genuine, but `exp` has passed.
  case expired
  /// Any other reason. You may show it to the client.
  case invalid(String)

  public var description: String {
    switch self {
    case .expired: "Token has expired"
    case .invalid(let reason): reason
    }
  }
}
