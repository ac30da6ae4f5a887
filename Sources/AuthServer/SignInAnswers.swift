import CGI
import Gate
import HTTPTypes
import Sessions
import Wire

/// Begins the session of a proven sign-in, and answers with its tokens or its cookie.
struct SignInAnswers: Sendable {
  private let grants: SessionGrants
  /// The cookie that may open a session; nil if cookies are disabled.
  private let cookie: SessionCookie?
  private let address: ClientAddress

  init(_ context: RouteContext) {
    grants = context.grants
    cookie = context.cookie
    address = context.address
  }

  /// The form of a session that a client asks for.
  enum Form {
    case tokens
    case cookie(SessionCookie)
  }

  /// The form that a request asks for: a cookie if the query has `cookie=true`.
  /// - Throws: `Problem` 400 for any value but `true` and `false`, or if cookies are disabled; `Refusal` 403 if a
  ///   page of another site sent the request.
  func form(for request: Request) throws -> Form {
    guard let value = try request.parameters(["cookie"])["cookie"], value != "false" else { return .tokens }
    guard value == "true" else { throw Problem(.badRequest, "cookie must be true or false") }
    guard let cookie else {
      throw Problem(.badRequest, "cookies are disabled (server_auth.cookie_name unset)")
    }
    try OwnOrigin.checkSignIn(GateInputs(request))
    return .cookie(cookie)
  }

  /// The client of a request, as its session shows it.
  func client(of request: Request) -> SignInClient {
    SignInClient(
      address: address.of(request).map { "\($0)" } ?? "", userAgent: request.variables[.userAgent] ?? "")
  }

  /// Begins a session and answers with it.
  /// - Parameter members: further members of the answer.
  /// - Throws: `StoreError`, `KeyError`.
  func answer(_ signIn: SignIn, _ form: Form, members: [(name: String, value: String)] = []) throws
    -> Response
  {
    var answer = JSONObjectWriter()
    var fields: HTTPFields = [:]
    switch form {
    case .tokens: answer.add(try grants.tokens(for: signIn))
    case .cookie(let cookie):
      let grant = try grants.cookie(for: signIn)
      answer.add("session", grant.session.id)
      answer.add("expires_in", grant.lifetime)
      fields[.setCookie] = cookie.field(value: grant.value, lifetime: grant.lifetime)
    }
    for member in members { answer.add(member.name, member.value) }
    return .json(answer.finish(), fields: fields)
  }
}

extension JSONObjectWriter {
  /// Adds the members of an answer with tokens. RFC 6749, section 5.1.
  mutating func add(_ pair: TokenPair) {
    add("access_token", pair.accessToken)
    add("refresh_token", pair.refreshToken)
    add("token_type", "Bearer")
    add("expires_in", pair.accessLifetime)
  }
}

extension SessionCookie {
  /// The value of the Set-Cookie field. RFC 6265, section 4.1.
  /// - Parameter lifetime: the cookie's `Max-Age`; 0 removes the cookie. Seconds.
  func field(value: String, lifetime: Int) -> String {
    let domain = domain.map { "; Domain=\($0)" } ?? ""
    return "\(name)=\(value); Path=/\(domain); Max-Age=\(lifetime); Secure; HttpOnly; SameSite=Lax"
  }

  /// The value of the Set-Cookie field that removes the cookie.
  var removal: String { field(value: "", lifetime: 0) }
}
