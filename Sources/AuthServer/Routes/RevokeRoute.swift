import CGI
import Gate
import Stores
import Wire

/// `POST /revoke`: revokes a token by its `jti`.
struct RevokeRoute: Sendable {
  private let body: JSONBody
  private let revocations: any RevocationStore
  private let mints: any MintAuditStore

  init(_ context: RouteContext) {
    body = context.body
    revocations = context.stores.revocations
    mints = context.stores.mints
  }

  @Sendable func respond(to request: Request, by caller: Identity) throws -> Response {
    let fields = try body.read(request)
    let tokenID = try fields.shortText("jti")
    guard !tokenID.isEmpty else { throw Problem(.badRequest, "jti required") }
    let reason = try fields.text("reason")
    // The expiry tells the store when it can drop the record. If the mint audit fails, the token is revoked anyway.
    let expiry = (try? mints.mint(ofTokenID: tokenID))?.knownExpiry
    let revocation = try revocations.revoke(
      tokenID, reason: reason, by: caller.claims.subject ?? "", expiry: expiry)
    var answer = JSONObjectWriter()
    answer.add("revoked", json: revocation.json)
    return .json(answer.finish())
  }
}
