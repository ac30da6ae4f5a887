import CGI
import HTTPTypes
import Stores
import Tokens
import Wire

/// Lets in whoever carries a good access token with one of some roles. RFC 6750.
struct BearerCheck: Sendable {
  let verifier: TokenVerifier
  let revocations: any RevocationStore

  /// The claims of the request's token.
  /// - Parameter roles: any of them will do; no role twice.
  /// - Throws: ``Problem`` 401 or 403; ``StoreError`` where it can't be told whether the token was revoked.
  func claims(_ request: Request, roles: [String]) throws -> Claims {
    let claims = try verify(try Self.token(request, roles), roles)
    // A refresh token is for one route only, and that isn't here.
    if let type = claims.all["type"], type.string?.hasSameBytes(as: "refresh") ?? true {
      throw Problem.unauthorized("Invalid token: a refresh token is no access token", scope: roles)
    }
    if let tokenID = claims.tokenID, try revocations.isRevoked(tokenID) {
      throw Problem.unauthorized("Token revoked (jti=\(tokenID))", scope: roles)
    }
    guard let role = claims.role, roles.containsBytes(of: role) else { throw Self.forbidden(roles) }
    return claims
  }

  private static func token(_ request: Request, _ roles: [String]) throws(Problem) -> String {
    let detail = "Missing or invalid Authorization header"
    guard let field = request.variables[.authorization] else {
      throw .unauthorized(detail, error: nil, scope: roles)
    }
    let parts = field.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    // One token of the characters that tokens have: two fields that a server joined are none.
    guard parts.count == 2, parts[0].lowercased() == "bearer", !parts[1].isEmpty,
      parts[1].utf8.allSatisfy(isTokenCharacter)
    else { throw .unauthorized(detail, error: "invalid_request", scope: roles) }
    return String(parts[1])
  }

  /// RFC 6750, section 2.1: b64token.
  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~+/=".utf8.contains(byte)
    }
  }

  private func verify(_ token: String, _ roles: [String]) throws(Problem) -> Claims {
    do throws(TokenError) {
      return try verifier.verify(token)
    } catch {
      switch error {
      case .expired: throw .unauthorized("Token has expired", scope: roles)
      case .invalid(let reason): throw .unauthorized("Invalid token: \(reason)", scope: roles)
      }
    }
  }

  private static func forbidden(_ roles: [String]) -> Problem {
    let list = roles.map { "'\($0)'" }.joined(separator: ", ")
    let detail = "Requires one of roles: [\(list)]"
    return Problem(
      .forbidden, detail,
      fields: [.wwwAuthenticate: Problem.challenge("insufficient_scope", detail, roles)])
  }
}
