import CGI
import Stores
import Wire

/// `POST /revoke`: makes a token no longer good.
struct RevokeRoute: Sendable {
  let body: JSONBody
  let bearer: BearerCheck
  let roles: [String]
  let revocations: any RevocationStore

  @Sendable func respond(to request: Request) throws -> Response {
    let claims = try bearer.claims(request, roles: roles)
    let fields = try body.read(request)
    let tokenID = try fields.shortText("jti")
    guard !tokenID.isEmpty else { throw Problem(.badRequest, "jti required") }
    let revocation = try revocations.revoke(
      tokenID, reason: try fields.text("reason"), by: claims.subject ?? "")
    var answer = JSONObjectWriter()
    answer.add("revoked", json: revocation.json)
    return .json(answer.finish())
  }
}
