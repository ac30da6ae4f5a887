import CGI
import Gate

/// An answer that sets the session cookie.
extension SessionCookie {
  /// What browsers keep of a cookie, name and value. Bytes.
  private static let maximumSize = 4096

  /// The cookie that an answer with tokens is to set: the configured one, where `?cookie=true` asks for it.
  /// - Throws: `Problem` 400 for another value, or where there are no cookies; `Refusal` 403 from a page of another
  ///   site.
  static func asked(by request: Request, of cookie: SessionCookie?) throws -> SessionCookie? {
    guard let value = try request.parameters(["cookie"])["cookie"], value != "false" else { return nil }
    guard value == "true" else { throw Problem(.badRequest, "cookie must be true or false") }
    guard let cookie else {
      throw Problem(.badRequest, "cookies are disabled (server_auth.cookie_name unset)")
    }
    try OwnOrigin.checkSignIn(request)
    return cookie
  }

  /// Checks that browsers would keep a token of some length.
  /// - Parameter length: bytes.
  /// - Throws: `Problem` 400 where they wouldn't.
  func checkLength(_ length: Int) throws(Problem) {
    guard name.utf8.count + length < Self.maximumSize else {
      throw Problem(.badRequest, "the token is too long for a cookie")
    }
  }

  /// The field that sets the cookie. RFC 6265, section 4.1.
  /// - Parameter lifetime: seconds.
  func field(token: String, lifetime: Int) -> String {
    "\(name)=\(token); Path=/; Max-Age=\(lifetime); Secure; HttpOnly; SameSite=Lax"
  }
}
