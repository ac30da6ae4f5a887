/// A token, or the value of a session's cookie, as the client sent it, and the way it came. Nothing about it is checked yet.
public struct Credential: Sendable {
  /// The way that a token came. It decides which kind of token the ``Authenticator`` accepts, and the text of a
  /// refusal.
  public enum Kind: Sendable {
    /// The Authorization field. RFC 6750, section 2.1.
    case bearer
    /// The session cookie. RFC 6265, section 5.4.
    case cookie
    /// The field X-Agent-Authorization. The token is an agent's, which acts in the name of the user whose token the
    /// request has too.
    case agent
    /// The body of `POST /refresh`.
    case refresh
  }

  /// The token, in the compact form of RFC 7515, section 7.1; the value of the cookie if `kind` is `cookie`.
  public let token: String
  /// The way that the token came.
  public let kind: Kind

  public init(token: String, kind: Kind) {
    self.token = token
    self.kind = kind
  }
}
