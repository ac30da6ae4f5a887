import Stores
import Tokens
import Wire

/// The identity that a request acts under, after the gate has authenticated its credentials.
public struct Identity: Sendable {
  /// The claims of the user's token, or those that a token of the user's session would have.
  public let claims: Claims
  /// The session, if the user has its cookie; nil if the user has a token.
  public let session: Session?
  /// The claims of the agent's token, if the request has one; nil otherwise. The agent acts in the user's name.
  public let agent: Claims?

  public init(claims: Claims, session: Session? = nil, agent: Claims? = nil) {
    self.claims = claims
    self.session = session
    self.agent = agent
  }

  /// Whether something of a subject is the caller's own. An agent's token doesn't count: its fleet chooses the subject.
  public func owns(_ subject: String?) -> Bool {
    guard claims.session != nil, let subject, let own = claims.subject, !own.isEmpty else { return false }
    return subject.hasSameBytes(as: own)
  }

  /// The scopes of the request: the agent's if there is an agent, otherwise the user's.
  public var scopes: [String] { (agent ?? claims).scopes }
}
