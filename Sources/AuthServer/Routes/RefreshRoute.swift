import CGI
import Stores
import Tokens
import Wire

/// `POST /refresh`: a new pair of tokens for a refresh token, with the same subject and role.
struct RefreshRoute: Sendable {
  let body: JSONBody
  let verifier: TokenVerifier
  let revocations: any RevocationStore
  let issuing: TokenIssuing
  let cookie: SessionCookie?

  @Sendable func respond(to request: Request) throws -> Response {
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let token = try body.read(request).text("refresh_token")
    guard !token.isEmpty else { throw Problem(.badRequest, "refresh_token required") }
    let claims = try verify(token)
    guard let type = claims.type, type.hasSameBytes(as: "refresh") else {
      throw Problem.unauthorized("refresh invalid: not a refresh token")
    }
    if let tokenID = claims.tokenID, try revocations.isRevoked(tokenID) {
      throw Problem.unauthorized("refresh invalid: token revoked")
    }
    guard let subject = claims.subject, !subject.isEmpty else {
      throw Problem.unauthorized("missing sub")
    }
    // A token of old without a role gets the least there is.
    let role = claims.role.flatMap { $0.isEmpty ? nil : $0 } ?? "user"
    return try issuing.pair(subject: subject, role: role, cookie: cookie).response
  }

  private func verify(_ token: String) throws(Problem) -> Claims {
    do throws(TokenError) {
      return try verifier.verify(token)
    } catch {
      switch error {
      case .expired: throw .unauthorized("refresh expired")
      case .invalid(let reason): throw .unauthorized("refresh invalid: \(reason)")
      }
    }
  }
}
