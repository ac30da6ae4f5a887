import CGI
import Gate
import Sessions
import Stores
import Wire

/// `POST /refresh`: exchanges a refresh token for its successors, with the same subject and role.
struct RefreshRoute: Sendable {
  private let body: JSONBody
  private let authenticator: Authenticator
  private let grants: SessionGrants
  private let ends: SessionEnds
  private let answers: SignInAnswers
  private let address: ClientAddress
  private let log: FailureLog

  init(_ context: RouteContext) {
    body = context.body
    authenticator = context.authenticator
    grants = context.grants
    ends = context.ends
    answers = SignInAnswers(context)
    address = context.address
    log = FailureLog(context.logger)
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let token = try body.read(request).text("refresh_token")
    guard !token.isEmpty else { throw Problem(.badRequest, "refresh_token required") }
    let claims = try authenticator.authenticate(Credential(token: token, kind: .refresh))
    guard let subject = claims.subject, !subject.isEmpty else { throw Refusal.subjectMissing }
    do {
      let pair = try grants.refresh(claims, client: answers.client(of: request))
      var answer = JSONObjectWriter()
      answer.add(pair)
      return .json(answer.finish())
    } catch let failure as RefreshFailure {
      throw try refusal(failure, request)
    }
  }

  private func refusal(_ failure: RefreshFailure, _ request: Request) throws -> Refusal {
    switch failure {
    case .reused(let session):
      log.warning(
        "refresh token reused; session ended",
        [
          "session": "\(session.id)", "subject": "\(session.start.subject.prefix(64))",
          "client": "\(address.name(of: request))",
        ])
      try revokeAccess(of: session)
      return .reusedRefreshToken
    case .ended: return .refreshRevoked
    case .mayNotSignIn(let session):
      if let session { try revokeAccess(of: session) }
      return .maySignInNoLonger
    case .noSubject: return .subjectMissing
    case .noTokenID: return .invalidRefreshToken("jti is missing")
    }
  }

  private func revokeAccess(of session: Session) throws {
    try ends.revokeAccess(of: session, reason: session.end?.reason ?? "", by: SessionEnds.server)
  }
}
