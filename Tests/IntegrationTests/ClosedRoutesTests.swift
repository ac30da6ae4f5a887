import Foundation
import TestSupport
import Testing
import Wallets

/// What the shipped configurations show to nobody.
@Suite(.serialized) struct ClosedRoutesTests {
  /// Only web servers ask `verify`, and those not over HTTP.
  @Test(arguments: Site.Kind.allCases)
  func verifyIsClosed(_ kind: Site.Kind) throws {
    let site = try Site(kind)
    let bearer = [("Authorization", "Bearer \(try site.client.session("s", role: "builder"))")]
    for path in [
      "/verify", "/verify?token=1", "/%76erify", "/./verify", "/x/../verify", "//api/v1/auth//verify",
      "/verify/",
      "http://localhost/api/v1/auth/verify",
      // The end of a path is no path.
      "/api/v1/auth/verify", "/verify/verify", "/jwks/verify", "/x/api/v1/auth/verify",
      "/verify/api/v1/auth/verify", "//.well-known/jwks.json/verify",
      "//.well-known/jwks.json/api/v1/auth/verify",
    ] {
      for method in ["GET", "POST", "HEAD"] {
        let answer = try site.client.send(method, path, fields: bearer, body: method == "POST" ? [] : nil)
        #expect(answer.status == 404 || answer.status == 400, "\(method) \(path): \(answer.status)")
        #expect(answer["x-auth-subject"] == nil && answer["remote-user"] == nil)
      }
    }
    #expect(try site.client.get("/verify", fields: bearer).status == 404)
    #expect(try site.client.get("/health").status == 200)
  }

  /// The lines of docs/deployment.md for a script that somebody maps elsewhere.
  @Test func aScriptElsewhereIsClosedAsTheManualSays() throws {
    let text = try String(contentsOfFile: "\(WebServer.project)/docs/deployment.md", encoding: .utf8)
    let lines = try #require(
      text.matches(of: #/```apache\n((?s:.)*?)```/#).map { String($0.1) }.first { $0.contains("cgi-bin") })
    func site(_ lines: String) throws -> Site {
      try Site(
        .apacheCGI,
        extra: """
          ScriptAlias "/cgi-bin/pico-auth.cgi" "htdocs/../pico-auth"
          <Location "/cgi-bin/">
            CGIPassAuth On
            SetEnv PICO_AUTH_CONFIG htdocs/../config.yaml
            Options +ExecCGI
            Require all granted
          </Location>
          \(lines)
          """)
    }
    let (open, closed) = (try site(""), try site(lines))
    for path in ["/verify", "/api/v1/auth/verify"] {
      #expect(try open.client.get("//cgi-bin/pico-auth.cgi" + path).status == 401)
      #expect(try closed.client.get("//cgi-bin/pico-auth.cgi" + path).status == 403)
    }
    #expect(try closed.client.get("//cgi-bin/pico-auth.cgi/x/verify").status != 204)
    #expect(try closed.client.get("//cgi-bin/pico-auth.cgi/jwks").status == 200)
  }

  /// For Caddy, Traefik and others: an address of nginx's that only they reach.
  @Test func aListenerForProxiesAnswersThem() throws {
    let port = Socket.freePort()
    let site = try Site(
      .nginx, extra: "} server { listen 127.0.0.1:\(port); include pico-auth-verify-http.conf;")
    let inside = HTTPClient(port: port)
    let token = try site.client.session("s", role: "builder")
    func ask(_ query: String, _ token: String) throws -> HTTPAnswer {
      try inside.get("/verify" + query, fields: [("Authorization", "Bearer \(token)")])
    }
    #expect(try ask("?role=builder", token).status == 204)
    #expect(try ask("?role=builder", token)["remote-user"] == "s")
    #expect(try ask("?role=operator", token).status == 403)
    #expect(try ask("", "nonsense").status == 401)
    // Two of a kind are none.
    let bearer = ("Authorization", "Bearer \(token)")
    let agent = ("X-Agent-Authorization", "Bearer \(token)")
    #expect(try inside.get("/verify", fields: [bearer, agent]).status == 204)
    #expect(try inside.get("/verify", fields: [bearer, agent, agent]).status == 401)
    // The longest identity there is.
    let long = try site.client.signIn(try .init(MLDSA65Scheme())).string("access_token")
    #expect(try ask("?token=1", long)["x-auth-request-access-token"] == long)
    #expect(try inside.get("/jwks").status == 404)
  }

  /// As the comments in the files of lighttpd and Apache say; nobody else gets in by it.
  @Test(arguments: Site.Kind.allCases.filter { $0 != .nginx })
  func verifyCanBeOpenedForAProxy(_ kind: Site.Kind) throws {
    let port = Socket.freePort()
    let site = try Site(kind, proxyPort: port)
    let token = try site.client.session("s", role: "builder")
    let long = try site.client.signIn(try .init(MLDSA65Scheme()))
    let wallet = long.string("address")
    let bearer = [("Authorization", "Bearer \(token)")]
    var proxies = [HTTPClient(port: port)]
    let isApache = [.apacheProxy, .apacheFcgid, .apacheCGI].contains(kind)
    if !isApache {
      proxies.append(HTTPClient(port: site.client.port, from: Site.proxyAddress))
    }
    for proxy in proxies {
      let answer = try proxy.get("/verify?role=builder", fields: bearer)
      #expect(answer.status == 204, "\(answer.text) \(site.output)")
      #expect(answer["remote-user"] == "s")
      #expect(try proxy.get("/verify?role=operator", fields: bearer).status == 403)
      let refused = try proxy.get("/verify")
      #expect(refused.status == 401)
      #expect(refused["www-authenticate"]?.hasPrefix("Bearer") == true)
      let told = try proxy.get(
        "/verify", fields: [("Authorization", "Bearer \(long.string("access_token"))")])
      #expect(told["remote-user"] == wallet)
      let passedOn = try proxy.get(
        "/verify?token=1", fields: [("Authorization", "Bearer \(long.string("access_token"))")])
      if isApache {
        // It takes no field over 8 KiB from a backend.
        #expect(passedOn.status == 500)
      } else {
        #expect(passedOn["x-auth-request-access-token"] == long.string("access_token"), "\(passedOn.status)")
      }
    }
    #expect(try site.client.get("/verify", fields: bearer).status == 404)
    #expect(try site.client.get("/jwks").status == 200)
    #expect(try site.client.session("t", role: "builder").isEmpty == false)
  }

  /// The program is what answers below its paths, and never what is answered.
  @Test(arguments: Site.Kind.allCases)
  func theProgramIsNotForDownload(_ kind: Site.Kind) throws {
    let site = try Site(kind)
    for path in [
      "//api/v1/auth", "//api/v1/auth/", "//api/v1/auth/verify", "//api/v1/auth/verify/x", "//api/v1/auth?x",
      "//api/v1/authx",
      "//.well-known/jwks.json/", "//.well-known/jwks.json/x", "//.well-known/jwks.jsonx", "//.well-known/",
      "//api/v1/auth%2f",
    ] {
      let answer = try site.client.get(path)
      #expect((300..<500).contains(answer.status), "\(path): \(answer.status)")
      #expect(answer.body.count < 10_000, "\(path)")
    }
  }
}
