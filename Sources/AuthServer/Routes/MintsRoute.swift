import CGI
import Gate
import POSIX
import Stores
import Wire

/// `GET /mints`: lists the tokens issued, newest first, and whether each is revoked.
struct MintsRoute: Sendable {
  private static let defaultLimit = 200
  /// The parameters of the query.
  static let parameters = ["limit", "active", "sub", "role", "session_id", "before"]

  /// The most items in an answer, whatever `limit` says.
  private let maximum: Int
  private let mints: any MintAuditStore
  private let revocations: any RevocationStore
  private let clock: Clock

  init(_ context: RouteContext) {
    maximum = max(1, context.settings.mintAuditMaximumInMemory)
    mints = context.stores.mints
    revocations = context.stores.revocations
    clock = context.clock
  }

  @Sendable func respond(to request: Request, by _: Identity) throws -> Response {
    let parameters = try request.parameters(Self.parameters)
    let isActiveOnly = try parameters.flag("active")
    var query = MintQuery(limit: min(try parameters.limit(default: Self.defaultLimit), maximum))
    query.before = parameters["before"]
    query.subject = parameters["sub"]
    query.role = parameters["role"]
    query.sessionID = parameters["session_id"]
    query.expiringAfter = isActiveOnly ? clock.seconds : nil
    // The first slice is read before the answer begins, so that a failure still gets a status of its own. The others
    // are read while the answer is sent.
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
}
