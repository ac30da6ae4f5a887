/// Why a token is refused.
public enum TokenError: Error, Equatable, CustomStringConvertible {
  /// Genuine, but `exp` has passed.
  case expired
  /// Anything else; the reason is fit for the client to see.
  case invalid(String)

  public var description: String {
    switch self {
    case .expired: "Token has expired"
    case .invalid(let reason): reason
    }
  }
}
