import CGI
import Gate
import HTTPTypes
import Sessions

/// `POST /logout`: ends the caller's session and removes its cookie.
struct LogoutRoute: Sendable {
  private let gate: AccessGate
  private let ends: SessionEnds
  private let cookie: SessionCookie?

  init(_ context: RouteContext) {
    gate = context.gate
    ends = context.ends
    cookie = context.cookie
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let inputs = GateInputs(request)
    do {
      let claims = try gate.admitOwn(inputs, requiring: Requirements()).claims
      let subject = claims.subject ?? ""
      if let session = claims.session {
        try ends.end(session, reason: "signed out", by: subject)
      } else if let tokenID = claims.tokenID {
        // An agent's token has no session.
        _ = try ends.revoke(tokenID, reason: "signed out", by: subject)
      }
      // The answer removes the cookie, which may be another session's.
      if let session = try gate.sessionOfCookie(in: inputs) {
        try ends.end(session.id, reason: "signed out", by: session.start.subject)
      }
    } catch let refusal as Refusal where refusal.isOfEndedCookie {
      // Whoever signs out twice is out.
    }
    return Response(status: .noContent, fields: cookie.map { [.setCookie: $0.removal] } ?? [:])
  }
}
