import CGI
import HTTPTypes
import Tokens
import Wire

/// Decides whether a web server, or a program, may let a request through. Who may is told by its
/// ``GateRequirements``; who it is, by tokens.
public struct Gate: Sendable {
  let tokens: AccessTokens
  /// The name of the cookie that a token may come in; nil where none may.
  let cookie: SessionCookie?

  /// Somebody who may pass.
  struct Admission {
    let identity: GateIdentity
    let token: Credential

    func fields(_ form: GateIdentity.Form, withToken: Bool) -> HTTPFields {
      identity.fields(form, token: withToken ? token.text : nil)
    }
  }

  /// A token, and the way that it came.
  struct Credential {
    let text: String
    let isCookie: Bool
  }

  /// Decides on a request.
  /// - Parameter requirements: all of them must be met.
  /// - Throws: ``Problem`` 401 without a good token, 403 where that isn't enough; ``StoreError`` where it can't be
  ///   told whether the token was revoked.
  func admit(_ request: Request, _ requirements: [GateRequirements]) throws -> Admission {
    let scope = requirements.flatMap { $0.roles + $0.scopes }
    let token = try token(of: request, scope: scope)
    let claims: Claims
    do {
      claims = try tokens.claims(of: token.text)
    } catch let refusal as AccessTokens.Refusal {
      throw Problem.unauthorized(refusal.detail, scope: scope)
    }
    let identity = GateIdentity(claims: claims, agent: try agent(of: request, scope: scope))
    for requirement in requirements { try Self.check(identity, requirement) }
    return Admission(identity: identity, token: token)
  }

  /// Decides on a request to a route of a program that has this server in it.
  /// - Throws: ``Problem``, which is the answer then; ``StoreError``.
  public func admit(
    _ request: Request, requiring requirements: GateRequirements = GateRequirements()
  ) throws -> GateIdentity {
    try admit(request, [requirements]).identity
  }

  private func token(of request: Request, scope: [String]) throws(Problem) -> Credential {
    let detail = "Missing or invalid Authorization header"
    if let field = request.variables[.authorization] {
      guard let token = BearerField.token(field) else {
        throw .unauthorized(detail, error: "invalid_request", scope: scope)
      }
      return Credential(text: token, isCookie: false)
    }
    guard let cookie, let token = try cookie.token(in: request, scope: scope) else {
      throw .unauthorized(detail, error: nil, scope: scope)
    }
    return Credential(text: token, isCookie: true)
  }

  /// The claims of the agent's token that comes beside the first, as pico-client-auth has it.
  private func agent(of request: Request, scope: [String]) throws -> Claims? {
    guard let field = request.variables[.agentAuthorization] else { return nil }
    guard let token = BearerField.token(field) else {
      throw Problem.unauthorized(
        "Invalid agent token: not a bearer token", error: "invalid_request", scope: scope)
    }
    do {
      return try tokens.claims(of: token)
    } catch let refusal as AccessTokens.Refusal {
      switch refusal {
      case .expired: throw Problem.unauthorized("Agent token has expired", scope: scope)
      default: throw Problem.unauthorized("Invalid agent token: \(refusal.detail)", scope: scope)
      }
    }
  }

  /// - Throws: ``Problem`` 403 that names what is lacking.
  static func check(_ identity: GateIdentity, _ required: GateRequirements) throws(Problem) {
    let claims = identity.claims
    if !required.roles.isEmpty {
      guard let role = claims.role, required.roles.containsBytes(of: role) else {
        throw .lacking("Requires one of roles: \(Problem.list(required.roles))", scope: required.roles)
      }
    }
    if !required.groups.isEmpty {
      guard claims.groups.contains(where: { required.groups.containsBytes(of: $0) }) else {
        throw .lacking("Requires one of groups: \(Problem.list(required.groups))", scope: [])
      }
    }
    if !required.scopes.isEmpty {
      let isCovered = required.scopes.contains { scope in
        identity.scopes.contains { GateRequirements.scope($0, covers: scope) }
      }
      guard isCovered else {
        throw .lacking("Requires one of scopes: \(Problem.list(required.scopes))", scope: required.scopes)
      }
    }
    if !required.audiences.isEmpty {
      guard claims.audiences.contains(where: { required.audiences.containsBytes(of: $0) }) else {
        throw .lacking("Requires one of audiences: \(Problem.list(required.audiences))", scope: [])
      }
    }
  }
}
