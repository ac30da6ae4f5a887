import Foundation
import TestSupport
import Testing
import Wallets

/// An application that each web server guards by the gate, with the shipped configurations: `/app/` for builders,
/// `/any/` for whoever has a token.
@Suite(.serialized) struct GateTests {
  enum Kind: String, CaseIterable {
    case nginx, nginxFastCGI, nginxCached, lighttpd, apacheAuthnz, apacheFcgid, apacheAuthnzProxy,
      apacheFcgidProxy

    /// Whether Apache starts the gate itself, and knows one refusal only.
    var isFcgid: Bool { self == .apacheFcgid || self == .apacheFcgidProxy }

    /// Whether the application is told in the client's fields' own variables (`HTTP_…`), or in others alone.
    var usesFields: Bool { self != .lighttpd }
  }

  private struct Guarded {
    let site: Site
    /// The application's.
    var folder: TemporaryFolder?
    var client: HTTPClient { HTTPClient(port: site.client.port, base: "") }

    func get(_ path: String, bearer: String?, fields: [(String, String)] = []) throws -> HTTPAnswer {
      try client.get(path, fields: (bearer.map { [("Authorization", "Bearer \($0)")] } ?? []) + fields)
    }
  }

  private func start(_ kind: Kind) throws -> Guarded {
    let script = "\(WebServer.project)/Tests/Peers/echo.cgi"
    let extra: String
    switch kind {
    case .nginx, .nginxCached:
      let (application, port, folder) = try startApplication()
      let verify = kind == .nginx ? "pico-auth-verify.conf" : "pico-auth-verify-cached.conf"
      extra = """
        include \(verify);
        location /app/ {
          set $pico_auth_role "operator, builder";
          include pico-auth-gate.conf;
          proxy_pass http://127.0.0.1:\(port);
        }
        location /any/ { include pico-auth-gate.conf; proxy_pass http://127.0.0.1:\(port); }
        location /both/ {
          set $pico_auth_role "wallet, builder";
          include pico-auth-gate.conf;
          proxy_pass http://127.0.0.1:\(port);
        }
        location /outer/ {
          set $pico_auth_role builder;
          include pico-auth-gate.conf;
          proxy_pass http://127.0.0.1:\(port);
          location /outer/inner/ { proxy_pass http://127.0.0.1:\(port); }
        }
        location /token/ { set $pico_auth_token 1; include pico-auth-gate.conf; proxy_pass http://127.0.0.1:\(port); }
        """
      return Guarded(
        site: try Site(.nginx, settings: settings, helpers: [application], extra: extra), folder: folder)
    case .nginxFastCGI:
      let folder = TemporaryFolder()
      let socket = folder.file("app.sock")
      chmod(folder.path, 0o755)
      let application = try Child(["fcgiwrap", "-s", "unix:\(socket)"], log: folder.file("log"))
      #expect(eventually { chmod(socket, 0o666) == 0 })
      func location(_ path: String, _ requirement: String) -> String {
        """
        location \(path) {
          \(requirement)
          fastcgi_pass unix:\(socket);
          fastcgi_param SCRIPT_FILENAME \(script);
          fastcgi_param REQUEST_METHOD $request_method;
          fastcgi_param CONTENT_LENGTH $content_length;
          include pico-auth-gate-fastcgi.conf;
        }
        """
      }
      extra =
        "include pico-auth-verify.conf;\n" + location("/app/", "set $pico_auth_role builder;")
        + location("/any/", "") + location("/token/", "set $pico_auth_token 1;")
      return Guarded(
        site: try Site(.nginx, settings: settings, helpers: [application], extra: extra), folder: folder)
    case .lighttpd:
      func condition(_ path: String, _ requirement: String) -> String {
        """
        $HTTP["url"] =~ "^\(path)" {
          \(requirement)
          include "pico-auth-gate.conf"
          cgi.assign = ("" => "")
        }
        """
      }
      extra =
        """
        server.modules += ("mod_cgi")
        index-file.names = ("index.cgi")
        var.pico_auth_docroot = "htdocs"

        """
        + condition("/app/", #"setenv.add-environment = ("PICO_AUTH_REQUIRE_ROLE" => "builder")"#)
        + condition("/any/", "")
        + condition("/token/", #"setenv.add-environment = ("PICO_AUTH_PASS_TOKEN" => "1")"#)
      let pages = ["app/index.cgi", "any/index.cgi", "any/x", "token/index.cgi"]
      return Guarded(
        site: try Site(.lighttpd, settings: settings, pages: (script, pages), extra: extra))
    case .apacheAuthnz, .apacheFcgid, .apacheAuthnzProxy, .apacheFcgidProxy:
      let port = kind.isFcgid ? nil : Socket.freePort()
      let gate = kind.isFcgid ? "pico-auth-gate-fcgid.conf" : "pico-auth-gate-authnz.conf"
      let isProxy = kind == .apacheAuthnzProxy || kind == .apacheFcgidProxy
      let application = isProxy ? try startApplication() : nil
      func location(_ path: String, _ requirement: String) -> String {
        let handler =
          application.map { "ProxyPass http://127.0.0.1:\($0.port)\(path)" } ?? "SetHandler cgi-script"
        return """
          \(isProxy ? "" : "ScriptAlias \(path.dropLast()) \(script)")
          <Location \(path)>
            \(handler)
            \(requirement)
            Include \(gate)
          </Location>

          """
      }
      extra =
        location("/app/", "SetEnvIfExpr true PICO_AUTH_REQUIRE_ROLE=builder") + location("/any/", "")
        + location("/token/", "SetEnvIfExpr true PICO_AUTH_PASS_TOKEN=1")
      return Guarded(
        site: try Site(
          kind.isFcgid ? .apacheFcgid : .apacheProxy, settings: settings, listeningOn: port,
          helpers: application.map { [$0.child] } ?? [], extra: extra,
          global: port.map { "AuthnzFcgiDefineProvider authn pico-auth fcgi://127.0.0.1:\($0)/" } ?? ""),
        folder: application?.folder)
    }
  }

  /// The example's application, which answers over HTTP with what it is told.
  private func startApplication() throws -> (child: Child, port: Int, folder: TemporaryFolder) {
    let port = Socket.freePort()
    let folder = TemporaryFolder()
    let child = try Child(
      ["python3", "\(WebServer.project)/Examples/GatedApp/app.py", "\(port)"], log: folder.file("log"))
    #expect(eventually { (try? Socket(port: port)) != nil })
    return (child, port, folder)
  }

  private let settings = Backend.settings + "\n  cookie_name: pico\n"

  /// The lines that the application answered with.
  private func told(_ answer: HTTPAnswer) -> [String: String] {
    var told: [String: String] = [:]
    for line in answer.text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { continue }
      told[parts[0]] = told[parts[0]].map { "\($0) and \(parts[1])" } ?? parts[1]
    }
    return told
  }

  @Test(arguments: Kind.allCases)
  func whoMayComeInComesInWithAnIdentity(_ kind: Kind) throws {
    let guarded = try start(kind)
    let auth = guarded.site.client
    let wallet = try WalletKey(algorithm: .ed25519)
    let tokens = try auth.signIn(wallet)
    let token = tokens.string("access_token")
    let answer = try guarded.get("/any/x?y=z", bearer: token)
    #expect(answer.status == 200, "\(answer.text) \(guarded.site.output)")
    let told = told(answer)
    #expect(told["REMOTE_USER"] == wallet.address)
    #expect(told["X_AUTH_SUBJECT"] == wallet.address)
    #expect(told["X_AUTH_REQUEST_USER"] == wallet.address)
    #expect(told["X_AUTH_ROLE"] == "wallet")
    #expect(told["X_AUTH_TOKEN_ID"] == claim("jti", of: token))
    #expect(told["X_AUTH_EXPIRES"].flatMap { Int($0) } ?? 0 > 0)
    #expect(told["X_AUTH_REQUEST_ACCESS_TOKEN"] == nil)
    let passedOn = self.told(try guarded.get("/token/", bearer: token))
    #expect(passedOn["X_AUTH_REQUEST_ACCESS_TOKEN"] == token)

    #expect(try guarded.get("/app/", bearer: auth.session("s", role: "builder")).status == 200)
    let lacking = try guarded.get("/app/", bearer: token)
    #expect(lacking.status == (kind.isFcgid ? 401 : 403))
    #expect(try guarded.get("/any/", bearer: nil, fields: [("Cookie", "__Host-pico=\(token)")]).status == 200)

    for bad in [nil, "nonsense", String(token.dropLast(3)), token + "x", tokens.string("refresh_token")] {
      let answer = try guarded.get("/any/", bearer: bad)
      #expect(answer.status == 401)
      #expect(answer["www-authenticate"]?.hasPrefix("Bearer") == true)
      #expect(answer["location"] == nil)
    }
  }

  /// The longest there are.
  @Test(arguments: Kind.allCases)
  func anIdentityOfAnyLengthGetsThrough(_ kind: Kind) throws {
    let guarded = try start(kind)
    let wallet = try WalletKey(algorithm: .mldsa65)
    let token = try guarded.site.client.signIn(wallet).string("access_token")
    let answer = try guarded.get("/any/", bearer: token)
    #expect(answer.status == 200, "\(answer.text.prefix(300)) \(guarded.site.output.suffix(600))")
    #expect(told(answer)["REMOTE_USER"] == wallet.address)
  }

  @Test(arguments: Kind.allCases.filter { $0 != .nginxCached })
  func aRevokedTokenIsRefusedByTheNextRequestOnEveryWorker(_ kind: Kind) throws {
    let guarded = try start(kind)
    let auth = guarded.site.client
    let bearer = try auth.session("op", role: "operator")
    for round in 0..<10 {
      let token = try auth.session("s\(round)", role: "builder")
      for _ in 0..<4 { #expect(try guarded.get("/app/", bearer: token).status == 200) }
      #expect(try auth.revoke(claim("jti", of: token), bearer: bearer).status == 200)
      for _ in 0..<4 { #expect(try guarded.get("/app/", bearer: token).status == 401) }
    }
  }

  @Test func aCachedAnswerLastsForAsLongAsItIsSaidTo() throws {
    let guarded = try start(.nginxCached)
    let auth = guarded.site.client
    let bearer = try auth.session("op", role: "operator")
    let token = try auth.session("s", role: "builder")
    let other = try auth.session("t", role: "other")
    #expect(try guarded.get("/app/", bearer: token).status == 200)
    #expect(try auth.revoke(claim("jti", of: token), bearer: bearer).status == 200)
    // The answer for one location says nothing for another, nor for another token.
    #expect(try guarded.get("/any/", bearer: token).status == 401)
    #expect(try guarded.get("/any/", bearer: other).status == 200)
    #expect(try guarded.get("/app/", bearer: other).status == 403)
    #expect(try guarded.get("/app/", bearer: nil).status == 401)
    #expect(try eventually(within: 8) { try guarded.get("/app/", bearer: token).status == 401 })
  }

  /// No text in a client's fields makes the answer for one location that for another.
  @Test func aCachedAnswerIsForOneLocation() throws {
    let guarded = try start(.nginxCached)
    let token = try guarded.site.client.session("s", role: "wallet")
    for (first, second) in [("foo", "foo wallet,"), ("foo", "foo wallet"), ("foo", "foo\twallet,")] {
      let host = { (text: String) in [("X-Forwarded-Host", text)] }
      #expect(try guarded.get("/both/", bearer: token, fields: host(first)).status == 200)
      #expect(try guarded.get("/outer/", bearer: token, fields: host(second)).status == 403)
    }
  }

  @Test(arguments: [Kind.nginx, .nginxCached])
  func aLocationThatForgetsWhatMustBeHadIsClosed(_ kind: Kind) throws {
    let guarded = try start(kind)
    let builder = try guarded.site.client.session("s", role: "builder")
    let other = try guarded.site.client.session("t", role: "other")
    #expect(try guarded.get("/outer/", bearer: builder).status == 200)
    #expect(try guarded.get("/outer/", bearer: other).status == 403)
    for token in [builder, other] { #expect(try guarded.get("/outer/inner/", bearer: token).status == 403) }
  }

  /// A page of another site may open a web socket, and the browser sends the cookie with it.
  @Test(arguments: Kind.allCases)
  func aForeignPageUsesNoCookie(_ kind: Kind) throws {
    let guarded = try start(kind)
    let token = try guarded.site.client.session("s", role: "builder")
    let host = "localhost"
    let upgrade = [
      ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
      ("Cookie", "__Host-pico=\(token)"),
    ]
    func status(_ origin: String?) throws -> Int {
      try guarded.get("/any/", bearer: nil, fields: upgrade + (origin.map { [("Origin", $0)] } ?? [])).status
    }
    #expect(try status("http://\(host)") == 200)
    for origin in ["https://evil.example", "ftp://\(host)", "http://\(host).evil.example", nil] {
      #expect([401, 403].contains(try status(origin)), "\(origin ?? "none")")
    }
  }

  @Test(arguments: Kind.allCases)
  func aBodyGetsThroughWholeOrNotAtAll(_ kind: Kind) throws {
    let guarded = try start(kind)
    let token = try guarded.site.client.session("s", role: "builder")
    let body = [UInt8](repeating: 0x78, count: 1 << 20)
    let bearer = [("Authorization", "Bearer \(token)")]
    for _ in 0..<3 {
      let answer = try guarded.client.send("POST", "/app/", fields: bearer, body: body)
      #expect(answer.status == 200, "\(answer.text)")
      #expect(told(answer)["length"] == "\(body.count)")
    }
    #expect(try guarded.client.send("POST", "/app/", fields: [], body: [1, 2, 3]).status == 401)
  }

  /// Whatever the client says of itself, under any name that might become one of the identity's.
  @Test(arguments: Kind.allCases)
  func nobodySaysWhoTheyAre(_ kind: Kind) throws {
    let guarded = try start(kind)
    let token = try guarded.site.client.session("me", role: "builder")
    let truth = told(try guarded.get("/any/", bearer: token))
    #expect(truth["REMOTE_USER"] == "me")
    let names = [
      "Remote-User", "Remote-Groups", "X-Auth-Request-User", "X-Auth-Request-Access-Token", "X-Auth-Subject",
      "X-Auth-Role", "X-Auth-Scope", "X-Auth-Session", "X-Auth-Token-Id", "X-Auth-Expires", "X-Auth-Agent",
    ]
    for name in names {
      let underscored = name.replacing("-", with: "_")
      let spellings = [
        name, name.lowercased(), name.uppercased(), underscored, name.replacing("-", with: "."),
        underscored.lowercased(),
        String(name.reversed().split(separator: "-", maxSplits: 1).joined(separator: "_").reversed()),
        "HTTP-\(name)", "Variable-\(underscored.uppercased())",
      ]
      for spelling in spellings {
        for fields in [
          [(spelling, "evil")], [(spelling, "evil"), (spelling, "evil2")],
          [(spelling, "evil"), (name, "evil")],
        ] {
          let answer = try guarded.get("/any/", bearer: token, fields: fields)
          guard answer.status == 200 else {
            #expect(
              [400, 401, 403].contains(answer.status) && spelling != name, "\(spelling): \(answer.text)")
            continue
          }
          var found = told(answer)
          // Behind lighttpd an application must not look at these; the shipped lines still take the usual spellings out.
          let isUsual = [name.lowercased(), underscored.lowercased()].contains(spelling.lowercased())
          if !kind.usesFields && !isUsual { found = found.filter { !$0.key.hasPrefix("HTTP_") } }
          #expect(!found.values.contains { $0.contains("evil") }, "\(kind) \(spelling): \(found)")
          for variable in truth.keys {
            #expect(found[variable] == truth[variable], "\(kind) \(spelling) \(variable)")
          }
        }
      }
      #expect(try guarded.get("/any/", bearer: nil, fields: [(name, "evil")]).status == 401)
      // RFC 9110, section 7.6.1: what Connection names, a proxy drops.
      for list in [name, "close, \(name.lowercased())", "\(name),\(name)"] {
        let found = told(
          try guarded.get("/any/", bearer: token, fields: [("Connection", list), (name, "evil")]))
        for variable in truth.keys {
          #expect(found[variable] == truth[variable], "\(kind) \(list) \(variable)")
        }
      }
    }
    // Nor what is asked for.
    let other = try guarded.site.client.session("other", role: "other")
    for name in ["PICO_AUTH_REQUIRE_ROLE", "Pico-Auth-Require-Role", "X-Forwarded-Uri"] {
      #expect(try guarded.get("/app/?role=other", bearer: other, fields: [(name, "other")]).status >= 400)
    }
  }

  /// With the gate gone nobody comes in.
  @Test(arguments: Kind.allCases.filter { !$0.isFcgid })
  func withoutTheGateNobodyComesIn(_ kind: Kind) throws {
    let guarded = try start(kind)
    let token = try guarded.site.client.session("s", role: "builder")
    let answer = try guarded.get("/app/", bearer: token)
    #expect(answer.status == 200, "\(answer.text) \(guarded.site.output)")
    #expect(guarded.site.backend?.stop() == 0)
    for bearer in [nil, "nonsense"] as [String?] {
      let answer = try guarded.get("/app/", bearer: bearer)
      #expect((400..<600).contains(answer.status))
    }
    guard kind != .nginxCached else { return }
    #expect((500..<600).contains(try guarded.get("/app/", bearer: token).status))
  }
}

/// The peer's validator and the gate, on the same tokens.
@Suite struct GateAgreementTests {
  @Test(.enabled(if: Tool.python != nil, "PICO_AUTH_PYTHON names no Python with the peers"))
  func thePeerAndTheGateAgreeOnEveryToken() throws {
    let site = try Site(.nginx)
    let result = try Tool.run([
      try #require(Tool.python), "\(WebServer.project)/Tests/Peers/agree.py",
      "http://127.0.0.1:\(site.client.port)/api/v1/auth", "http://localhost:8100",
      "\(site.state)/keys/pico-server-auth-1.pem",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("144 scopes"))
  }
}
