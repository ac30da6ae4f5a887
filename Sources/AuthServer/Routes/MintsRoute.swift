import CGI
import POSIX
import Stores
import Wire

/// `GET /mints`: which tokens were issued, and which of them are revoked, newest first.
struct MintsRoute: Sendable {
  private static let defaultLimit = 200
  private static let parameters = [
    "limit", "before", "active", "sub", "role", "session_id",
  ]

  let bearer: BearerCheck
  let roles: [String]
  /// The longest list that is given, whatever was asked for.
  let maximum: Int
  let mints: any MintAuditStore
  let revocations: any RevocationStore
  let clock: Clock

  @Sendable func respond(to request: Request) throws -> Response {
    _ = try bearer.claims(request, roles: roles)
    let parameters = try request.parameters(Self.parameters)
    let isActiveOnly = try Self.flag("active", parameters)
    var query = MintQuery(limit: min(try Self.limit(parameters), maximum))
    query.before = parameters["before"]
    query.subject = parameters["sub"]
    query.role = parameters["role"]
    query.sessionID = parameters["session_id"]
    query.expiringAfter = isActiveOnly ? clock.seconds : nil
    // What can fail fails here, before the answer has begun; the rest is looked for while it is sent.
    let pages = MintPages(query, of: mints)
    do {
      try pages.readFirst()
    } catch is UnknownCursor {
      throw Problem(.badRequest, "before is no cursor of this list")
    }
    let body = ItemStream.body {
      switch try pages.next() {
      case .mint(let mint):
        let isRevoked = try revocations.isRevoked(mint.tokenID)
        if isRevoked && isActiveOnly { return .none }
        pages.countShown()
        var item = mint.members
        item.add("revoked", isRevoked)
        return .item(item.finish())
      case .none: return .none
      case .end(let cursor): return .end(members: cursor.map { [("cursor", $0)] } ?? [])
      }
    }
    return .json(.stream(body))
  }

  private static func limit(_ parameters: [String: String]) throws(Problem) -> Int {
    guard let text = parameters["limit"] else { return defaultLimit }
    guard let limit = Int(text), limit > 0 else {
      throw Problem(.badRequest, "limit must be a whole number above 0")
    }
    return limit
  }

  private static func flag(_ name: String, _ parameters: [String: String]) throws(Problem) -> Bool {
    switch parameters[name] {
    case nil, "false": false
    case "true": true
    default: throw Problem(.badRequest, "\(name) must be true or false")
    }
  }
}
