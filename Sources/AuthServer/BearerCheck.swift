import CGI
import HTTPTypes
import Stores
import Tokens
import Wire

/// Lets in whoever carries a good access token with one of some roles. RFC 6750.
struct BearerCheck: Sendable {
  let tokens: AccessTokens

  /// The claims of the request's token.
  /// - Parameter roles: any of them will do; no role twice.
  /// - Throws: ``Problem`` 401 or 403; ``StoreError`` where it can't be told whether the token was revoked.
  func claims(_ request: Request, roles: [String]) throws -> Claims {
    let detail = "Missing or invalid Authorization header"
    guard let field = request.variables[.authorization] else {
      throw Problem.unauthorized(detail, error: nil, scope: roles)
    }
    guard let token = BearerField.token(field) else {
      throw Problem.unauthorized(detail, error: "invalid_request", scope: roles)
    }
    let claims: Claims
    do {
      claims = try tokens.claims(of: token)
    } catch let refusal as AccessTokens.Refusal {
      throw Problem.unauthorized(refusal.detail, scope: roles)
    }
    guard let role = claims.role, roles.containsBytes(of: role) else {
      throw Problem.lacking("Requires one of roles: \(Problem.list(roles))", scope: roles)
    }
    return claims
  }
}
