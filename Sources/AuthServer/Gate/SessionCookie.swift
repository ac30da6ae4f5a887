import CGI
import HTTPTypes
import Tokens
import Wire

/// The cookie that an access token may travel in, for pages in a browser. RFC 6265bis, with the prefix `__Host-`: only
/// this host sets it, over TLS alone.
struct SessionCookie: Sendable {
  /// What browsers keep of a cookie, name and value. Bytes.
  private static let maximumSize = 4096
  private static let prefix = "__Host-"

  let name: String

  /// - Parameter configured: `cookie_name`, with the prefix or without; nil where that is empty.
  init?(configured: String) {
    guard !configured.isEmpty else { return nil }
    name = configured.hasPrefix(Self.prefix) ? configured : Self.prefix + configured
  }

  /// Whether a name is one that cookies may have: a token of RFC 9110, section 5.6.2.
  static func isName(_ name: String) -> Bool {
    HTTPField.Name(name) != nil
  }

  /// The token that a request's cookie holds; nil without one.
  /// - Throws: ``Problem`` 401 for two of the name, which of them counts being anybody's guess; 403 where a page
  ///   of another site may have caused the request.
  func token(in request: Request, scope: [String]) throws(Problem) -> String? {
    let pairs = (request.variables[.cookie] ?? "").split(separator: ";").compactMap { pair -> Substring? in
      let pair = pair.drop { $0 == " " }
      guard let equals = pair.firstIndex(of: "="), pair[..<equals].hasSameBytes(as: name) else { return nil }
      return pair[pair.index(after: equals)...]
    }
    guard let value = pairs.first else { return nil }
    guard pairs.count == 1, BearerField.isToken(value) else {
      throw .unauthorized("Missing or invalid cookie", error: "invalid_request", scope: scope)
    }
    try Self.checkOrigin(request)
    return String(value)
  }

  /// A browser sends the cookie whoever's page causes a request. What changes something must come from a page of ours,
  /// as Origin tells; SameSite=Lax is a second lock. No page of another site can set the fields that are read here.
  private static func checkOrigin(_ request: Request) throws(Problem) {
    let methods = [request.variables[.requestMethod], request.variables[.forwardedMethod]].compactMap { $0 }
    // A web socket begins with GET, and any page may open one. RFC 6455, section 10.2.
    let isWebSocket = request.variables[.webSocketKey] != nil
    if !isWebSocket && methods.allSatisfy(["GET", "HEAD", "OPTIONS", "TRACE"].contains) { return }
    try requireOwnOrigin(request)
  }

  private static func requireOwnOrigin(_ request: Request) throws(Problem) {
    let hosts = [request.variables[.host], request.variables[.forwardedHost]].compactMap { $0?.lowercased() }
    guard let origin = request.variables[.origin]?.lowercased(), let scheme = origin.firstRange(of: "://"),
      hosts.containsBytes(of: origin[scheme.upperBound...]),
      isSecure(scheme: origin[..<scheme.lowerBound], host: origin[scheme.upperBound...])
    else { throw Problem(.forbidden, "Origin must be this site's where a cookie is used") }
  }

  /// Whether a page may have had the cookie: over TLS, or from this very machine, where browsers take it without.
  private static func isSecure(scheme: Substring, host: Substring) -> Bool {
    if scheme.hasSameBytes(as: "https") { return true }
    let port = host.utf8.reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
    let name = host.hasSuffix("]") ? host[...] : host.dropLast(port + 1)
    return scheme.hasSameBytes(as: "http")
      && [host, name].contains { ["localhost", "127.0.0.1", "[::1]"].contains(String($0)) }
  }

  /// The cookie that an answer with tokens is to set: the configured one, where `?cookie=true` asks for it.
  /// - Throws: ``Problem`` 400 for another value, or where there are no cookies; 403 from a page of another site.
  static func asked(by request: Request, of cookie: SessionCookie?) throws(Problem) -> SessionCookie? {
    guard let value = try request.parameters(["cookie"])["cookie"], value != "false" else { return nil }
    guard value == "true" else { throw Problem(.badRequest, "cookie must be true or false") }
    guard let cookie else {
      throw Problem(.badRequest, "cookies are disabled (server_auth.cookie_name unset)")
    }
    // Else a page of another site could sign a browser in, as somebody of its choice.
    if request.variables[.origin] != nil { try requireOwnOrigin(request) }
    return cookie
  }

  /// Checks that browsers would keep a token of some length.
  /// - Throws: ``Problem`` 400 where they wouldn't.
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
