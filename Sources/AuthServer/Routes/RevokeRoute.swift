import CGI
import Gate
import Sessions
import Stores
import Tokens
import Wallets
import Wire

/// `POST /revoke`: revokes a token, a session, or everything that a subject has.
struct RevokeRoute: Sendable {
  private static let members = ["jti", "token", "sid", "sub"]

  private let body: JSONBody
  private let store: any SessionStore
  private let ends: SessionEnds
  private let verifier: TokenVerifier
  private let operators: OperatorRoles

  init(_ context: RouteContext) {
    body = context.body
    store = context.stores.sessions
    ends = context.ends
    verifier = context.verifier
    operators = OperatorRoles(context.settings)
  }

  @Sendable func respond(to request: Request, by caller: Identity) throws -> Response {
    let fields = try body.read(request)
    let given = try Self.members.compactMap { name -> (name: String, text: String)? in
      let text = name == "token" ? try fields.text(name) : try fields.shortText(name)
      return text.isEmpty ? nil : (name, text)
    }
    let reason = try fields.text("reason")
    guard given.count < 2 else { throw Problem(.badRequest, "send only one of jti, token, sid and sub") }
    guard let (name, text) = given.first else {
      try operators.require(caller)
      throw Problem(.badRequest, "jti required")
    }
    switch name {
    case "jti": return try revoke(tokenID: text, reason, caller)
    case "token": return try revoke(token: text, reason, caller)
    case "sid": return try end(session: text, reason, caller)
    default: return try end(subject: text, reason, caller)
    }
  }

  private func actor(_ caller: Identity) -> String { caller.claims.subject ?? "" }

  private func revoke(tokenID: String, _ reason: String, _ caller: Identity) throws -> Response {
    try operators.require(caller)
    if let fault = RevocableText.fault(inTokenID: tokenID) { throw Problem(.badRequest, "jti \(fault)") }
    return answer(try ends.revoke(tokenID, reason: reason, by: actor(caller)))
  }

  private func answer(_ token: SessionEnds.RevokedToken) -> Response {
    var answer = JSONObjectWriter()
    answer.add("revoked", json: token.revocation.json)
    answer.add("known", token.isKnown)
    if let session = token.session { answer.add("sid", session) }
    return .json(answer.finish())
  }

  private func revoke(token: String, _ reason: String, _ caller: Identity) throws -> Response {
    let claims: Claims
    do {
      claims = try verifier.genuineClaims(ofAny: token)
    } catch {
      throw Problem(.badRequest, "token is not one of this server's: \(error)")
    }
    guard let tokenID = claims.tokenID else {
      throw Problem(.badRequest, "token has no jti; send sub or sid")
    }
    let isItself = caller.claims.tokenID.map { $0.hasSameBytes(as: tokenID) } ?? false
    if !isItself && !caller.owns(claims.subject) { try operators.require(caller) }
    return answer(try ends.revoke(claims, tokenID, reason: reason, by: actor(caller)))
  }

  private func end(session id: String, _ reason: String, _ caller: Identity) throws -> Response {
    let session = try store.find(id)
    if !caller.owns(session?.start.subject) { try operators.require(caller) }
    guard let outcome = try ends.end(id, reason: reason, by: actor(caller)) else {
      throw Problem(.notFound, "no such session")
    }
    return answer("sid", id, outcome, reason)
  }

  private func end(subject: String, _ reason: String, _ caller: Identity) throws -> Response {
    try operators.require(caller)
    let outcome = try ends.end(
      subjects: WalletSubject.meanings(of: subject), reason: reason, by: actor(caller))
    return answer("sub", subject, outcome, reason)
  }

  private func answer(
    _ name: String, _ value: String, _ outcome: SessionEnds.Outcome, _ reason: String
  ) -> Response {
    var revoked = JSONObjectWriter()
    revoked.add(name, value)
    revoked.add("reason", reason)
    revoked.add("sessions", outcome.sessions)
    revoked.add("tokens", outcome.tokens)
    var answer = JSONObjectWriter()
    answer.add("revoked", json: revoked.finish())
    return .json(answer.finish())
  }
}
