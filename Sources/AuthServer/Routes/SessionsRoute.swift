import CGI
import Gate
import Sessions
import Stores
import Wallets
import Wire

/// `GET /sessions`: lists sessions, newest first. `DELETE /sessions/{sid}`: ends one. A caller sees its own sessions, and
/// an operator sees all.
struct SessionsRoute: Sendable {
  private static let defaultLimit = 50
  /// The most items in an answer, whatever `limit` says.
  private static let maximum = 1000
  /// The parameters of the query.
  static let parameters = ["sub", "active", "limit", "before"]

  private let sessions: LiveSessions
  private let store: any SessionStore
  private let ends: SessionEnds
  private let operators: OperatorRoles

  init(_ context: RouteContext) {
    sessions = context.sessions
    store = context.stores.sessions
    ends = context.ends
    operators = OperatorRoles(context.settings)
  }

  @Sendable func list(_ request: Request, by caller: Identity) throws -> Response {
    let parameters = try request.parameters(Self.parameters)
    var query = SessionQuery(limit: min(try parameters.limit(default: Self.defaultLimit), Self.maximum))
    query.before = parameters["before"]
    query.subject = try subject(parameters["sub"], for: caller)
    query.liveness = try parameters.flag("active") ? sessions.liveness : nil
    query.budget = .slice
    let page: SessionPage
    do {
      page = try sessions.list(query)
    } catch is UnknownCursor {
      throw Problem(.badRequest, "before is no cursor of this list")
    }
    var answer = JSONObjectWriter()
    answer.add("items", json: JSONObjectWriter.array(page.sessions.map { item($0, for: caller) }))
    if let cursor = page.cursor { answer.add("cursor", cursor) }
    return .json(answer.finish())
  }

  /// The subject whose sessions are listed; nil for all.
  /// - Throws: ``Refusal`` 403 if a caller who is no operator asks for another's.
  private func subject(_ asked: String?, for caller: Identity) throws(Refusal) -> String? {
    if operators.include(caller) { return asked.map(WalletSubject.canonical) }
    let own = caller.claims.subject ?? ""
    guard caller.owns(own) else { throw operators.refusal }
    guard asked.map({ $0.hasSameBytes(as: own) }) ?? true else { throw operators.refusal }
    return own
  }

  private func item(_ session: Session, for caller: Identity) -> [UInt8] {
    var item = session.members(expiry: sessions.expiry(of: session))
    item.add("current", caller.claims.session.map { $0.hasSameBytes(as: session.id) } ?? false)
    return item.finish()
  }

  @Sendable func end(_ request: Request, by caller: Identity) throws -> Response {
    let id = request.lastSegment
    let own = caller.claims.subject ?? ""
    guard let subject = try store.find(id)?.start.subject, caller.owns(subject) || operators.include(caller),
      try ends.end(id, reason: "ended by \(caller.owns(subject) ? "its owner" : "an operator")", by: own)
        != nil
    else { throw Problem(.notFound, "no such session") }
    return Response(status: .noContent)
  }
}

extension Session {
  /// The session as a JSON object with the members that the HTTP contract lists, but `current`.
  /// - Parameter expiry: when the session is over if nobody uses it. Seconds since 1970.
  public func members(expiry: Int) -> JSONObjectWriter {
    var item = JSONObjectWriter()
    item.add("sid", id)
    item.add("sub", start.subject)
    item.add("role", start.role)
    item.add("method", start.method)
    item.add("created_at", Int(createdAt))
    item.add("last_used_at", lastUsedAt)
    item.add("expires_at", expiry)
    item.add("address", start.address)
    item.add("user_agent", start.userAgent)
    if let end {
      item.add("ended_at", Int(end.at))
      item.add("reason", end.reason)
    }
    return item
  }
}
