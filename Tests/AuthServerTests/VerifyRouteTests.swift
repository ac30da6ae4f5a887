import AuthServer
import CGI
import Foundation
import Gate
import HTTPTypes
import TestSupport
import Testing
import Tokens
import Wallets

/// Who is let through, by `{base}/verify` in process.
@Suite struct VerifyRouteTests {
  private let backend: InProcess

  init() throws {
    backend = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["agent", "auditor", "builder", "operator", "service", "wallet"]
      $0.cookieName = "pico"
    }
  }

  private func token(
    role: String = "builder", scope: String = "", session: String = "s1", ttl: Int = 3600
  ) -> String {
    backend.send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(
        #"{"session_id":"\#(session)","agent_id":"a","role":"\#(role)","scope":"\#(scope)","ttl":\#(ttl)}"#
          .utf8)
    ).string("session_token")
  }

  /// A token of ours with any claims.
  private func token(_ claims: String, expiry: String? = nil) throws -> String {
    let expiry = expiry ?? "\(Int(backend.clock.clock.now) + 600)"
    let header = base64url(#"{"alg":"RS256","typ":"JWT","kid":"pico-server-auth-1"}"#)
    let payload = base64url(
      #"{"iss":"http://localhost:8100","aud":["pico","other"],"sub":"u","exp":\#(expiry),\#(claims)}"#)
    let signed = "\(header).\(payload)"
    return "\(signed).\(base64url(bytes: try InProcess.key.sign(Array(signed.utf8))))"
  }

  private func base64url(_ text: String) -> String { base64url(bytes: Array(text.utf8)) }

  private func base64url(bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
      "=", with: "")
  }

  private func verify(
    _ token: String?, _ query: String = "", method: String = "GET", fields: [(String, String)] = [],
    body: [UInt8]? = nil
  ) -> HTTPAnswer {
    backend.send(
      method, "/verify" + query, fields: (token.map { [("Authorization", "Bearer \($0)")] } ?? []) + fields,
      body: body)
  }

  // MARK: - Who it is

  @Test func aGoodTokenPassesWithItsIdentity() throws {
    let token = token(role: "builder", scope: "a:b c")
    let answer = verify(token)
    #expect(answer.status == 204)
    #expect(answer.body.isEmpty)
    #expect(answer["remote-user"] == "s1")
    #expect(answer["x-auth-request-user"] == "s1")
    #expect(answer["x-auth-subject"] == "s1")
    #expect(answer["x-auth-role"] == "builder")
    #expect(answer["x-auth-scope"] == "a:b c")
    #expect(answer["x-auth-session"] == "s1")
    let claims = try backend.claims(token)
    #expect(answer["x-auth-token-id"] == claims["jti"] as? String)
    #expect(answer["x-auth-expires"] == "\(try #require(claims["exp"] as? Int))")
    #expect(answer["x-auth-request-access-token"] == nil)
    #expect(answer["remote-groups"] == nil)
    #expect(answer["cache-control"] == "no-store")
    #expect(verify(token, "?token=true")["x-auth-request-access-token"] == token)
  }

  @Test func everyFieldIsAmongThoseThatServersClear() throws {
    let answer = verify(
      try token(#""jti":"j","role":"r","groups":["g"],"scope":"s","session_id":"x""#), "?token=1")
    let known = Set(IdentityHeader.all.map { $0.name.lowercased() } + ["cache-control"])
    for (name, _) in answer.fields { #expect(known.contains(name.lowercased()), "\(name)") }
    #expect(answer["remote-groups"] == "g")
  }

  /// Names that look alike behind a web server must not become one.
  @Test func whatIsNoPlainTextIsEncoded() throws {
    let answer = verify(
      try token(
        #""jti":"j","role":"a b","groups":["x,y","z"],"session_id":"\u00e9\r\nX-Auth-Role: operator""#))
    #expect(answer["x-auth-role"] == "a%20b")
    #expect(answer["remote-groups"] == "x%2Cy,z")
    #expect(answer["x-auth-session"] == "%C3%A9%0D%0AX-Auth-Role:%20operator")
    #expect(verify(try token(#""role":"100%""#))["x-auth-role"] == "100%25")
  }

  // MARK: - Who it isn't

  @Test func whoeverHasNoGoodTokenIsTold401() throws {
    let good = token()
    #expect(verify(nil).status == 401)
    #expect(verify(nil)["www-authenticate"] == "Bearer")
    #expect(verify("").status == 401)
    #expect(verify(String(good.dropLast(2))).status == 401)
    #expect(verify(good + "x").status == 401)
    let wallet = try WalletKey(Ed25519Scheme())
    let refresh = try backend.signIn(wallet).string("refresh_token")
    #expect(verify(refresh).detail == "Invalid token: a refresh token is no access token")
    #expect(verify(nil, fields: [("Authorization", "Basic abc")]).status == 401)
    #expect(
      verify(nil, fields: [("Authorization", "Bearer \(good)"), ("Authorization", "Bearer \(good)")]).status
        == 401)
    #expect(verify(good).status == 204)
    backend.clock.advance(3601)
    #expect(verify(good).detail == "Token has expired")
  }

  /// Also where its signature was found good a moment ago.
  @Test func aRevokedTokenIsRefusedByTheNextRequest() throws {
    let good = token()
    #expect(verify(good).status == 204)
    let jti = try backend.tokenID(good)
    let operators = token(role: "operator")
    #expect(
      backend.send(
        "POST", "/revoke", fields: [("Authorization", "Bearer \(operators)")],
        body: Array(#"{"jti":"\#(jti)"}"#.utf8)
      ).status == 200)
    #expect(verify(good).detail == "Token revoked (jti=\(jti))")
  }

  @Test func whereRevocationsCannotBeReadNothingPasses() throws {
    let good = token()
    #expect(verify(good).status == 204)
    try backend.folder.write("revocations.jsonl", "{\"jti\":\"x\"}\nnonsense\n{\"jti\":\"y\"}\n")
    #expect(verify(good).status == 503)
  }

  // MARK: - What is asked for

  @Test func aRequirementIsMetByAnyOfItsEntries() throws {
    let good = try token(#""role":"builder","groups":["g1","g2"],"scope":"a:b treasury:*""#)
    for query in [
      "?role=builder", "?role=other,builder", "?role=other&role=builder", "?group=g2", "?scope=a:b",
      "?scope=treasury:write", "?scope=treasury:write:x", "?audience=other", "?audience=x,pico",
      "?role=builder&group=g1&scope=a:b&audience=pico", "?scope=treasury",
    ] {
      #expect(verify(good, query).status == 204, "\(query)")
    }
    for (query, detail) in [
      ("?role=operator", "Requires one of roles: ['operator']"), ("?role=Builder", "Requires one of roles"),
      ("?group=g3,g4", "Requires one of groups: ['g3', 'g4']"), ("?scope=a", "Requires one of scopes: ['a']"),
      ("?scope=a:b:c", "Requires one of scopes"), ("?scope=treasuryx", "Requires one of scopes"),
      ("?audience=third", "Requires one of audiences"), ("?role=builder&scope=no", "Requires one of scopes"),
      // A slip of the configuration's must not open the gate.
      ("?rol=builder", "unclear requirement"), ("?Role=builder", "unclear requirement"),
      ("?role=", "unclear requirement"), ("?role", "unclear requirement"),
      ("?group=,", "unclear requirement"),
      ("?role=builder&scope=%20", "unclear requirement"),
    ] {
      let answer = verify(good, query)
      #expect(answer.status == 403, "\(query)")
      #expect(answer.detail.contains(detail), "\(query): \(answer.detail)")
    }
    #expect(verify(good, "?role=operator")["www-authenticate"]?.contains("insufficient_scope") == true)
    #expect(verify(nil, "?role=operator")["www-authenticate"]?.contains(#"scope="operator""#) == true)
  }

  @Test(arguments: ["PICO_AUTH_REQUIRE_ROLES", "PICO_AUTH_REQUIRED_ROLE", "PICO_AUTH_REQUIRE_ROLE"])
  func aSlipInAParameterDoesNotOpenTheGate(_ name: String) {
    var variables = MetaVariables()
    func add(_ name: String, _ value: String) {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { variables.add(name: name, value: $0) }
      }
    }
    add("REQUEST_METHOD", "GET")
    add("SCRIPT_NAME", "/api/v1/auth/verify")
    add("HTTP_AUTHORIZATION", "Bearer \(token(role: "builder"))")
    #expect(backend.server.respond(to: Request(variables: variables)).status.code == 204)
    add(name, name == "PICO_AUTH_REQUIRE_ROLE" ? " , " : "builder")
    #expect(backend.server.respond(to: Request(variables: variables)).status.code == 403)
    #expect(backend.server.authorize(Request(variables: variables)).status.code == 403)
  }

  /// A program that shares the key may sign what it likes.
  @Test func anExpiryBeyondAllNumbersHarmsNobody() throws {
    let answer = verify(try token(#""role":"builder""#, expiry: "1e300"))
    #expect(answer.status == 204)
    #expect(answer["x-auth-expires"] == nil)
  }

  @Test func parametersAndQueryMustBothBeMet() {
    func status(_ role: String, _ query: String) -> Int {
      var variables = MetaVariables()
      variables[.requestMethod] = "POST"
      variables[.scriptName] = "/api/v1/auth/verify"
      variables[.queryString] = query
      // Of the client's own request.
      variables[.contentLength] = "1048576"
      variables[.authorization] = "Bearer \(token(role: "builder"))"
      variables[.requiredRole] = role
      return backend.server.respond(to: Request(variables: variables)).status.code
    }
    #expect(status("builder", "") == 204)
    #expect(status("builder operator", "role=builder") == 204)
    #expect(status("operator", "role=builder") == 403)
    #expect(status("builder", "role=operator") == 403)
    #expect(status("", "") == 204)
  }

  @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
  func anyMethodIsAnswered(_ method: String) {
    #expect(verify(token(), method: method, body: [UInt8](repeating: 0x7b, count: 100)).status == 204)
    #expect(verify(nil, method: method).status == 401)
  }

  // MARK: - Agents

  @Test func anAgentsTokenBringsItsScopes() throws {
    let service = try token(#""role":"service","scope":"own""#)
    let agent = try token(#""role":"agent","scopes":["treasury:write:*"]"#)
    func with(_ agent: String, _ query: String = "") -> HTTPAnswer {
      verify(service, query, fields: [("X-Agent-Authorization", agent)])
    }
    #expect(with("Bearer \(agent)", "?scope=treasury:write:budget&role=service").status == 204)
    #expect(with("Bearer \(agent)", "?scope=own").status == 403)
    #expect(with("Bearer \(agent)", "?role=agent").status == 403)
    #expect(with("Bearer \(agent)")["x-auth-agent"] == "u")
    #expect(with("Bearer \(agent)")["x-auth-scope"] == "treasury:write:*")
    #expect(with("Bearer \(agent.dropLast())").status == 401)
    #expect(with("nonsense").status == 401)
    #expect(verify(service, "?scope=own").status == 204)
    let short = self.token(ttl: 60)
    backend.clock.advance(61)
    #expect(with("Bearer \(short)").detail == "Agent token has expired")
  }

  // MARK: - Cookies

  private func login(_ query: String, _ fields: [(String, String)] = []) -> HTTPAnswer {
    backend.send(
      "POST", "/login" + query, fields: fields,
      body: Array(#"{"email":"ops@example.org","password":"correct horse"}"#.utf8))
  }

  /// The value of the cookie of a session that begins now.
  private func session() -> String { login("?cookie=true").cookie("__Host-pico") ?? "" }

  @Test func aCookieIsSetWhereItIsAskedFor() throws {
    let answer = login("?cookie=true")
    let value = try #require(answer.cookie("__Host-pico"))
    #expect(value.wholeMatch(of: /[A-Za-z0-9_-]{75}/) != nil)
    #expect(
      answer["set-cookie"] == "__Host-pico=\(value); Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax")
    #expect(Set(try answer.json().members.map(\.name)) == ["session", "expires_in"])
    #expect(value != answer.string("session"))
    #expect(login("")["set-cookie"] == nil)
    #expect(login("?cookie=false")["set-cookie"] == nil)
    #expect(login("?cookie=yes").status == 400)
    #expect(verify(nil, fields: [("Cookie", "a=b; __Host-pico=\(value); c=d")]).status == 204)
  }

  @Test(arguments: WalletSchemes.all)
  func aWalletOfAnySchemeCanHaveACookie(_ scheme: any WalletScheme) throws {
    let wallet = try WalletKey(scheme)
    let answer = try backend.send(
      "POST", "/sign-in?cookie=true", body: Array(wallet.signIn(backend.challenge(for: wallet)).utf8))
    #expect(answer.status == 200)
    #expect(answer.string("address") == wallet.address)
    #expect(answer.string("access_token").isEmpty)
    let value = try #require(answer.cookie("__Host-pico"))
    let admitted = verify(nil, "?role=wallet", fields: [("Cookie", "__Host-pico=\(value)")])
    #expect(admitted.status == 204)
    #expect(admitted["x-auth-subject"] == wallet.address)
    #expect(admitted["x-auth-session"] == answer.string("session"))
  }

  @Test func withoutTheSettingThereAreNoCookies() throws {
    let plain = try InProcess()
    let answer = plain.send(
      "POST", "/login?cookie=true", fields: [],
      body: Array(#"{"email":"ops@example.org","password":"correct horse"}"#.utf8))
    #expect(answer.status == 400)
    let token = try plain.postJSON("/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
      .string("access_token")
    #expect(
      plain.send("GET", "/verify", fields: [("Cookie", "__Host-=\(token); __Host-pico=\(token)")]).status
        == 401)
  }

  /// HttpOnly keeps the token from script, which can set a query.
  @Test func aQueryDoesNotTellTheCookiesToken() throws {
    let token = login("").string("access_token")
    let cookie = ("Cookie", "__Host-pico=\(session())")
    #expect(verify(nil, "?token=1", fields: [cookie]).status == 204)
    #expect(verify(nil, "?token=1", fields: [cookie])["x-auth-request-access-token"] == nil)
    #expect(verify(token, "?token=1")["x-auth-request-access-token"] == token)
  }

  @Test func aCookieIsOneOrNone() {
    let token = session()
    #expect(verify(nil, fields: [("Cookie", "__Host-pico=\(token)")]).status == 204)
    for cookie in [
      "__Host-pico=\(token); __Host-pico=\(token)", "pico=\(token)", "__host-pico=\(token)", "__Host-pico=",
      "__Host-pico=\"\(token)\"", "__Host-pico=a b",
      // Neither a token, nor a session with another secret, nor its identifier alone.
      "__Host-pico=\(login("").string("access_token"))",
      "__Host-pico=\(session().prefix(43))\(token.suffix(32))",
      "__Host-pico=\(token.suffix(32))", "__Host-pico=\(token.prefix(43))",
    ] {
      #expect(verify(nil, fields: [("Cookie", cookie)]).status == 401, "\(cookie)")
    }
    // A bad Authorization field isn't made good by a cookie.
    #expect(verify("nonsense", fields: [("Cookie", "__Host-pico=\(token)")]).status == 401)
  }

  @Test func anotherSiteCannotUseTheCookie() {
    let cookie = ("Cookie", "__Host-pico=\(session())")
    func status(_ method: String, _ fields: [(String, String)]) -> Int {
      verify(nil, method: method, fields: [cookie] + fields).status
    }
    let own = ("Origin", "https://app.example")
    let host = ("Host", "app.example")
    #expect(status("GET", [host]) == 204)
    #expect(status("GET", [host, ("Origin", "https://evil.example")]) == 204)
    #expect(status("POST", [host]) == 403)
    #expect(status("POST", [host, own]) == 204)
    #expect(status("POST", [host, ("Origin", "https://APP.example")]) == 204)
    #expect(status("POST", [host, ("Origin", "https://evil.example")]) == 403)
    #expect(status("POST", [host, ("Origin", "https://app.example.evil.example")]) == 403)
    #expect(status("POST", [host, ("Origin", "https://app.example:8443")]) == 403)
    #expect(status("POST", [host, ("Origin", "null")]) == 403)
    #expect(status("POST", [host, ("Origin", "http://app.example")]) == 403)
    #expect(status("POST", [host, ("Origin", "ftp://app.example")]) == 403)
    for local in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"] {
      #expect(status("POST", [("Host", local), ("Origin", "http://\(local)")]) == 204, "\(local)")
    }
    #expect(status("POST", [("Host", "localhost.evil"), ("Origin", "http://localhost.evil")]) == 403)
    let webSocket = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
    #expect(status("GET", [host, webSocket]) == 403)
    #expect(status("GET", [host, webSocket, ("Origin", "https://evil.example")]) == 403)
    #expect(status("GET", [host, webSocket, own]) == 204)
    // As Traefik tells of a request.
    #expect(status("GET", [("X-Forwarded-Method", "POST"), ("X-Forwarded-Host", "app.example")]) == 403)
    #expect(status("GET", [("X-Forwarded-Method", "POST"), ("X-Forwarded-Host", "app.example"), own]) == 204)
    // Nor sign a browser in.
    #expect(login("?cookie=true", [host, ("Origin", "https://evil.example")]).status == 403)
    #expect(login("?cookie=true", [host, own]).status == 200)
  }

  // MARK: - Authorizer

  private func authorize(_ change: (inout MetaVariables) -> Void) -> Response {
    var variables = MetaVariables()
    variables[.requestMethod] = "POST"
    variables[.contentLength] = "1048576"
    variables[.authorization] = "Bearer \(token())"
    // The client's own, not the web server's.
    variables[.queryString] = "role=nobody&x=y&token=true"
    change(&variables)
    return backend.server.authorize(Request(variables: variables))
  }

  @Test func anAuthorizerAnswersWithVariables() {
    let answer = authorize { $0[.requiredRole] = "builder" }
    #expect(answer.status == .ok)
    #expect(answer.fields[HTTPField.Name("Variable-REMOTE_USER")!] == "s1")
    #expect(answer.fields[HTTPField.Name("Variable-X_AUTH_ROLE")!] == "builder")
    #expect(answer.fields[HTTPField.Name("Variable-X_AUTH_REQUEST_ACCESS_TOKEN")!] == nil)
    #expect(authorize { $0[.requiredRole] = "operator" }.status == .forbidden)
    #expect(authorize { $0[.authorization] = nil }.status == .unauthorized)
    #expect(
      authorize { $0[.passToken] = "1" }.fields[HTTPField.Name("Variable-X_AUTH_REQUEST_ACCESS_TOKEN")!]
        != nil)
  }

  // MARK: - In process

  @Test func aProgramAsksTheGateItself() throws {
    let request = Request(
      method: .get, target: "/reports", fields: [.authorization: "Bearer \(token(role: "builder"))"])
    let identity = try backend.server.gate.admit(request, requiring: Requirements(roles: ["builder"]))
    #expect(identity.claims.subject == "s1")
    let problem = #expect(throws: Problem.self) {
      try backend.server.gate.admit(request, requiring: Requirements(roles: ["operator"]))
    }
    #expect(problem?.status == .forbidden)
  }

  // MARK: - The cache

  /// Whatever of them is remembered. `VerifiedTokensTests` fills the cache.
  @Test func manyTokensAreToldApart() throws {
    let tokens = (0..<20).map { token(session: "s\($0)") }
    for round in 0..<3 {
      for (index, token) in tokens.enumerated() {
        #expect(verify(token)["x-auth-subject"] == "s\(index)", "\(round)")
        var changed = Array(token.utf8)
        changed[changed.count - 20] ^= 1
        #expect(verify(String(decoding: changed, as: UTF8.self)).status == 401)
      }
    }
  }

  /// An explanation is the gate's own decision, also of a token with several faults.
  @Test(arguments: [
    "%h.W10.%s", "%h.W10.AAAA", "..", "a.b.c", "e30.W10.%s", "%h.%p.AAAA", "%h.%pA.%s", "%h.%p", "x y",
  ])
  func anExplanationSaysWhatTheGateSays(_ form: String) throws {
    let parts = try token(role: "builder").split(separator: ".").map(String.init)
    let token = form.replacing("%h", with: parts[0]).replacing("%p", with: parts[1]).replacing(
      "%s", with: parts[2])
    for requirements in [Requirements(), Requirements(roles: ["operator"])] {
      let explained = try backend.server.gate.explain(token, requiring: requirements)
      let role = requirements.roles.isEmpty ? "" : "?role=operator"
      let answer = backend.send("GET", "/verify\(role)", fields: [("Authorization", "Bearer \(token)")])
      #expect(explained.status == answer.status)
      #expect(explained.detail == answer.detail)
    }
  }
}
