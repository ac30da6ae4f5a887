import Tokens

/// The identity that a request acts under, after the gate has authenticated its credentials.
public struct Identity: Sendable {
  /// The claims of the user's token.
  public let claims: Claims
  /// The claims of the agent's token, if the request has one; nil otherwise. The agent acts in the user's name.
  public let agent: Claims?

  public init(claims: Claims, agent: Claims? = nil) {
    self.claims = claims
    self.agent = agent
  }

  /// The scopes of the request: the agent's if there is an agent, otherwise the user's.
  public var scopes: [String] { (agent ?? claims).scopes }
}
