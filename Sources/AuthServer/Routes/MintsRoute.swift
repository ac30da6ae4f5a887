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
    let first = try mints.list(query)
    return .json(
      .stream { [query] sink in
        try ItemStream.write(to: sink) { add in
          try list(first, query, isActiveOnly: isActiveOnly, add: add)
        }
      })
  }

  /// Adds up to the limit of mints, reading on where revoked ones were left out.
  private func list(
    _ first: MintPage, _ query: MintQuery, isActiveOnly: Bool, add: ([UInt8]) throws -> Void
  ) throws -> [UInt8] {
    var page = first
    var query = query
    while true {
      for mint in page.mints {
        let isRevoked = try revocations.isRevoked(mint.tokenID)
        if isRevoked && isActiveOnly { continue }
        var item = mint.members
        item.add("revoked", isRevoked)
        try add(item.finish())
        query.limit -= 1
      }
      guard let cursor = page.cursor else { return [] }
      if query.limit == 0 { return ItemStream.member("cursor", cursor) }
      query.before = cursor
      page = try mints.list(query)
    }
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
