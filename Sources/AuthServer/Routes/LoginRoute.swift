import CGI
import Wire

/// `POST /login`: tokens for the one operator that the settings name.
struct LoginRoute: Sendable {
  private let body: JSONBody
  private let isEnabled: Bool
  private let email: String
  private let role: String
  private let isPassword: @Sendable (String) -> Bool
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
      isPassword = { !password.isEmpty && isSameSecret($0, password) }
    } else {
      isPassword = { PasswordHash.verifies($0, hash: hash) }
    }
  }

  /// Looks at email and password.
  /// - Returns: what issues the tokens.
  @Sendable func check(_ request: Request) throws -> Route.Handler {
    guard isEnabled else { throw Problem(.forbidden, "password login disabled") }
    let cookie = try SessionCookie.asked(by: request, of: cookie)
    let fields = try body.read(request)
    let email = try fields.text("email")
    // Both are always looked at, so that the time tells nothing about the email.
    let passwordIsRight = isPassword(try fields.text("password"))
    let emailIsRight = isSameSecret(email, self.email)
    guard passwordIsRight && emailIsRight else { throw Problem.unauthorized("invalid credentials") }
    return { _ in try issuing.pair(subject: self.email, role: role, cookie: cookie).response }
  }
}
