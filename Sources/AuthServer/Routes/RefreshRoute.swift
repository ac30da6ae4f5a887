import CGI
import Gate

/// `POST /refresh`: issues a new pair of tokens for a refresh token, with the same subject and role.
struct RefreshRoute: Sendable {
  private let body: JSONBody
  private let authenticator: Authenticator
  private let grants: TokenGrants
  private let cookie: SessionCookie?

  init(_ context: RouteContext) {
    body = context.body
    authenticator = context.authenticator
    grants = context.grants
    cookie = context.cookie
  }

  @Sendable func respond(to request: Request) throws -> Response {
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let token = try body.read(request).text("refresh_token")
    guard !token.isEmpty else { throw Problem(.badRequest, "refresh_token required") }
    let claims = try authenticator.authenticate(Credential(token: token, kind: .refresh))
    guard let subject = claims.subject, !subject.isEmpty else { throw Refusal.subjectMissing }
    // A token without a role, which older servers issued, gets the role with the fewest rights.
    let role = claims.role.flatMap { $0.isEmpty ? nil : $0 } ?? "user"
    return try grants.pair(subject: subject, role: role, cookie: cookie).response
  }
}
