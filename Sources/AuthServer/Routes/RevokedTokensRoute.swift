import CGI
import Crypto
import Gate
import HTTPTypes
import Stores
import Wire

/// `GET /revoked-jtis`: lists revoked tokens. Validators poll it.
struct RevokedTokensRoute: Sendable {
  /// The parameters of the query.
  static let parameters = ["since"]

  private let revocations: any RevocationStore

  init(_ context: RouteContext) {
    revocations = context.stores.revocations
  }

  @Sendable func respond(to request: Request, by _: Identity) throws -> Response {
    let since = try request.parameters(Self.parameters)["since"]
    let list = try revocations.list(since: since)
    // The tag includes the cursor, because the same version of the list reads differently from another cursor.
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
