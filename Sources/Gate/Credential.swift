// Who somebody is, and whether that is enough: a credential is read from a request, authenticated, and held against
// requirements. No routes, no settings, no web server's configuration.

/// A token as it was presented, and the way that it came.
public struct Credential: Sendable {
  public enum Kind: Sendable {
    /// In the Authorization field. RFC 6750, section 2.1.
    case bearer
    /// In the session cookie.
    case cookie
    /// In X-Agent-Authorization, beside the token of whoever the agent acts for.
    case agent
    /// In the body of a request for new tokens.
    case refresh
  }

  public let token: String
  public let kind: Kind

  public init(token: String, kind: Kind) {
    self.token = token
    self.kind = kind
  }
}
