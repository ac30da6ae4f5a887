import CGI
import Gate

/// Answers that set the session cookie.
extension SessionCookie {
  /// The longest cookie, name and value, that browsers keep. Bytes.
  private static let maximumSize = 4096

  /// The cookie that an answer with tokens sets: the configured one if the query has `cookie=true`, otherwise nil.
  /// - Throws: `Problem` 400 for any value but `true` and `false`, or if cookies are disabled; `Refusal` 403 if a
  ///   page of another site sent the request.
  static func asked(by request: Request, of cookie: SessionCookie?) throws -> SessionCookie? {
    guard let value = try request.parameters(["cookie"])["cookie"], value != "false" else { return nil }
    guard value == "true" else { throw Problem(.badRequest, "cookie must be true or false") }
    guard let cookie else {
      throw Problem(.badRequest, "cookies are disabled (server_auth.cookie_name unset)")
    }
    try OwnOrigin.checkSignIn(GateInputs(request))
    return cookie
  }

  /// Checks that browsers keep a cookie with a token of this length.
  /// - Parameter length: bytes.
  /// - Throws: `Problem` 400 if the cookie is too long.
  func checkLength(_ length: Int) throws(Problem) {
    guard name.utf8.count + length < Self.maximumSize else {
      throw Problem(.badRequest, "the token is too long for a cookie")
    }
  }

  /// The value of the Set-Cookie field. RFC 6265, section 4.1.
  /// - Parameters:
  ///   - token: the access token.
  ///   - lifetime: the cookie's `Max-Age`. Seconds.
  func field(token: String, lifetime: Int) -> String {
    "\(name)=\(token); Path=/; Max-Age=\(lifetime); Secure; HttpOnly; SameSite=Lax"
  }
}
