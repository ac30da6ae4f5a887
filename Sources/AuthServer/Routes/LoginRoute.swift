import CGI
import Gate
import Sessions
import Wire

/// `POST /login`: begins a session for the email and password of the operator that the settings name.
struct LoginRoute: Sendable {
  private let body: JSONBody
  private let isEnabled: Bool
  private let email: String
  private let role: String
  private let isPassword: @Sendable (String) -> Bool
  private let credential: [UInt8]
  private let answers: SignInAnswers
  private let throttle: GuessThrottle

  init(_ context: RouteContext) {
    let settings = context.settings
    body = context.body
    credential = context.subjects.credential
    answers = SignInAnswers(context)
    throttle = GuessThrottle(context)
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

  /// Reads email and password.
  /// - Returns: the check of the password. It takes about 30 ms, and returns the handler that begins the session or
  ///   refuses it.
  /// - Throws: `Refusal` 403 if `/login` is disabled, 401 if the attempt is slowed; `Problem` 400, 413 or 415 for a bad
  ///   request.
  @Sendable func prepare(_ request: Request) throws -> Route.Hashing {
    guard isEnabled else { throw Refusal.passwordLoginDisabled }
    let form = try answers.form(for: request)
    let fields = try body.read(request)
    let email = try fields.text("email")
    let password = try fields.text("password")
    // A slowed attempt takes no place in the queue of the hashing lane, which others need.
    guard let attempt = try throttle.admit(account: email, request) else { throw Refusal.wrongPassword }
    return {
      if try attempt.isSlowed() { throw Refusal.wrongPassword }
      // Both are always checked, so that the time doesn't reveal whether the email is right.
      let passwordIsRight = isPassword(password)
      let emailIsRight = isSameSecret(email, self.email)
      guard passwordIsRight && emailIsRight else {
        return { _ in
          try attempt.fail()
          throw Refusal.wrongPassword
        }
      }
      return { request in
        try attempt.succeed()
        let signIn = SignIn(
          subject: self.email, role: role, method: SignIn.password, credential: credential,
          client: answers.client(of: request))
        return try answers.answer(signIn, form)
      }
    }
  }
}
