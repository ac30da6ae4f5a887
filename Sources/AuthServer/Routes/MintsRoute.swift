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
    // What can fail fails here, before the answer has begun; later pages are read while it is sent.
    let pages = Pages(first: try mints.list(query), query: query, mints: mints)
    let body = ItemStream.body {
      switch try pages.next() {
      case .mint(let mint):
        let isRevoked = try revocations.isRevoked(mint.tokenID)
        if isRevoked && isActiveOnly { return .none }
        pages.countShown()
        var item = mint.members
        item.add("revoked", isRevoked)
        return .item(item.finish())
      case .end(let cursor):
        return .end(members: cursor.map { [("cursor", $0)] } ?? [])
      }
    }
    return .json(.stream(body))
  }

  /// Reads on page by page until as many mints were shown as were asked for, as revoked ones may be left out.
  private final class Pages {
    enum Next {
      case mint(Mint)
      case end(cursor: String?)
    }

    private var query: MintQuery
    private let mints: any MintAuditStore
    private var page: MintPage
    private var index = 0

    init(first: MintPage, query: MintQuery, mints: any MintAuditStore) {
      page = first
      self.query = query
      self.mints = mints
    }

    func next() throws -> Next {
      while index == page.mints.count {
        guard query.limit > 0, let cursor = page.cursor else { return .end(cursor: page.cursor) }
        query.before = cursor
        page = try mints.list(query)
        index = 0
      }
      index += 1
      return .mint(page.mints[index - 1])
    }

    func countShown() { query.limit -= 1 }
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
