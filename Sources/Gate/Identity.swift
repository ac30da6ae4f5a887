import Tokens

/// Who was let through.
public struct Identity: Sendable {
  /// The token's claims.
  public let claims: Claims
  /// The agent's that acts in its name, where a second token says so.
  public let agent: Claims?

  public init(claims: Claims, agent: Claims? = nil) {
    self.claims = claims
    self.agent = agent
  }

  /// The scopes that count: the agent's where there is one.
  public var scopes: [String] { (agent ?? claims).scopes }
}
