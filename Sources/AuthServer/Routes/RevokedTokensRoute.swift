import CGI
import Crypto
import HTTPTypes
import Stores
import Wire

/// `GET /revoked-jtis`: what validators poll to know which tokens are no longer good.
struct RevokedTokensRoute: Sendable {
  let bearer: BearerCheck
  let roles: [String]
  let revocations: any RevocationStore

  @Sendable func respond(to request: Request) throws -> Response {
    _ = try bearer.claims(request, roles: roles)
    let since = try request.parameters(["since"])["since"]
    let list = try revocations.list(since: since)
    // Of the URL as well: with another cursor the same list reads differently.
    let version = Array(SHA256.hash(data: Array("\(list.version) \(since ?? "")".utf8)))
    let tag = "\"\(Hex.encode(version.prefix(16)))\""
    let fields: HTTPFields = [.eTag: tag, .cacheControl: "private, no-cache"]
    if request.ifNoneMatch(has: tag) { return Response(status: .notModified, fields: fields) }
    let reader = try list.makeReader()
    let body = ItemStream.body {
      guard let revocation = try reader.next() else { return .end(members: [("cursor", list.cursor)]) }
      return .item(revocation.json)
    }
    return .json(.stream(body), fields: fields)
  }
}
