import CGI
import Stores
import Wire

/// `POST /revoke`: makes a token no longer good.
struct RevokeRoute: Sendable {
  let body: JSONBody
  let bearer: BearerCheck
  let roles: [String]
  let revocations: any RevocationStore
  let mints: any MintAuditStore

  @Sendable func respond(to request: Request) throws -> Response {
    let claims = try bearer.claims(request, roles: roles)
    let fields = try body.read(request)
    let tokenID = try fields.shortText("jti")
    guard !tokenID.isEmpty else { throw Problem(.badRequest, "jti required") }
    let reason = try fields.text("reason")
    // The record is to tell when it can be dropped. Without an audit the token is revoked all the same.
    let expiry = (try? mints.expiry(ofTokenID: tokenID)) ?? nil
    let revocation = try revocations.revoke(
      tokenID, reason: reason, by: claims.subject ?? "", expiry: expiry)
    var answer = JSONObjectWriter()
    answer.add("revoked", json: revocation.json)
    return .json(answer.finish())
  }
}
