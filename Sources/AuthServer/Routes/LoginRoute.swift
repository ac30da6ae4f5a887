import CGI
import Wire

/// `POST /login`: tokens for the one operator that the settings name.
struct LoginRoute: Sendable {
  private let body: JSONBody
  private let isEnabled: Bool
  private let email: String
  private let role: String
  private let check: @Sendable (String) -> Bool
  private let issuing: TokenIssuing
  private let cookie: SessionCookie?

  init(body: JSONBody, settings: Settings, issuing: TokenIssuing, cookie: SessionCookie?) {
    self.body = body
    self.cookie = cookie
    self.issuing = issuing
    isEnabled = settings.allowsPasswordLogin
    email = settings.adminEmail
    role = settings.adminRole
    let hash = settings.adminPasswordHash
    let password = settings.adminPassword
    if hash.isEmpty {
      check = { !password.isEmpty && isSameSecret($0, password) }
    } else {
      check = { PasswordHash.verifies($0, hash: hash) }
    }
  }

  @Sendable func respond(to request: Request) throws -> Response {
    guard isEnabled else { throw Problem(.forbidden, "password login disabled") }
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let fields = try body.read(request)
    let email = try fields.text("email")
    // Both are always looked at, so that the time tells nothing about the email.
    let passwordIsRight = check(try fields.text("password"))
    let emailIsRight = isSameSecret(email, self.email)
    guard passwordIsRight && emailIsRight else { throw Problem.unauthorized("invalid credentials") }
    return try issuing.pair(subject: self.email, role: role, cookie: cookie).response
  }
}
