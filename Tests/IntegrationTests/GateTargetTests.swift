import Foundation
import Gate
import TestSupport
import Testing

/// What an application behind the gate is never shown: a path that it could read otherwise than the web server did, and
/// an identity that nobody checked.
@Suite(.serialized) struct GateTargetTests {
  /// Each names another path to a program that takes it as it came than to a web server that has cleaned it up.
  private static let ambiguous = [
    "/42/../../x", "/..", "/./x", "/%2e%2e/x", "/.%2E/x", "/%2e/x", "/..;/x", "/..%3b/x", "//x", "/a%2fb",
    "/a%2Fb",
    "/a%5cb", "/a\\b", "/..%5cx", "/a%00b", "/..?x=y",
  ]
  private static let plain = [
    "/a?x=../y", "/a?x=//y", "/.well-known/x", "/a..b", "/...", "/a;b=c", "/%7Euser", "/a?%2f%5c",
    "/a%20b",
  ]

  @Test(arguments: GuardedSite.Kind.allCases)
  func noAmbiguousPathReachesAnApplication(_ kind: GuardedSite.Kind) throws {
    let guarded = try GuardedSite.start(kind)
    let token = try guarded.site.client.session("s", role: "builder")
    // A script takes any path behind its name.
    let script = kind == .lighttpd ? "/index.cgi" : ""
    for place in ["/app", "/any", "/open"].map({ $0 + script }) {
      for path in Self.ambiguous {
        let target = place + path
        let answer = try guarded.get(target, bearer: token)
        // lighttpd and Apache have words of their own for some.
        #expect(
          (kind.rawValue.hasPrefix("nginx") ? [400] : [400, 403, 404]).contains(answer.status),
          "\(target): \(answer.status)")
        #expect(GuardedSite.told(answer)["length"] == nil, "\(target): \(answer.text)")
      }
    }
    for path in Self.plain {
      let target = "/any" + script + path
      let answer = try guarded.get(target, bearer: token)
      #expect(answer.status == 200, "\(target): \(answer.status) \(guarded.site.output.suffix(300))")
    }
  }

  @Test(arguments: [GuardedSite.Kind.nginx, .apacheFcgid])
  func theAbsoluteFormOfATargetIsReadAsWell(_ kind: GuardedSite.Kind) throws {
    let guarded = try GuardedSite.start(kind)
    let bearer = [("Authorization", "Bearer \(try guarded.site.client.session("s", role: "builder"))")]
    #expect(try guarded.client.get("http://localhost/any/x", fields: bearer).status == 200)
    for target in ["http://localhost//any/x", "http://localhost/any/../any/x"] {
      #expect(try guarded.client.get(target, fields: bearer).status == 400, "\(target)")
    }
  }

  /// A guarded place is guarded without the slash behind its name, too.
  @Test(arguments: GuardedSite.Kind.allCases)
  func aPlaceWithoutItsSlashIsNotOpen(_ kind: GuardedSite.Kind) throws {
    let guarded = try GuardedSite.start(kind)
    for place in ["/app", "/any"] {
      let answer = try guarded.get(place, bearer: nil)
      #expect([301, 401, 403].contains(answer.status), "\(place): \(answer.status)")
      #expect(GuardedSite.told(answer)["length"] == nil)
    }
  }

  /// In an open place nobody has an identity, whatever they say of themselves.
  @Test(arguments: GuardedSite.Kind.allCases)
  func inAnOpenPlaceNobodySaysWhoTheyAre(_ kind: GuardedSite.Kind) throws {
    let guarded = try GuardedSite.start(kind)
    #expect(try guarded.get("/open/", bearer: nil).status == 200, "\(guarded.site.output)")
    for name in IdentityHeader.all.map(\.name) {
      for spelling in [
        name, name.lowercased(), name.replacing("-", with: "_"), name.replacing("-", with: "."),
      ] {
        for fields in [
          [(spelling, "evil")], [(spelling, "evil"), (spelling, "evil2")],
          [("Connection", "close, \(spelling)"), (spelling, "evil")],
        ] {
          let answer = try guarded.get("/open/", bearer: nil, fields: fields)
          guard answer.status == 200 else {
            #expect([400, 403].contains(answer.status) && spelling != name, "\(spelling): \(answer.status)")
            continue
          }
          var found = GuardedSite.told(answer)
          // Behind lighttpd an application must not look at these, as docs/gate.md says.
          if !kind.usesFields && spelling.contains(".") {
            found = found.filter { !$0.key.hasPrefix("HTTP_") }
          }
          #expect(!found.values.contains { $0.contains("evil") }, "\(kind) \(spelling): \(found)")
        }
      }
    }
  }

  /// docs/gate.md: `/` is guarded, exceptions are open.
  @Test(arguments: [Site.Kind.nginx, .lighttpd, .apacheFcgid])
  func everythingIsGuardedButExceptions(_ kind: Site.Kind) throws {
    let script = "\(WebServer.project)/Tests/Peers/echo.cgi"
    let folder = TemporaryFolder()
    let socket = folder.file("app.sock")
    chmod(folder.path, 0o755)
    let application = try Child(["fcgiwrap", "-s", "unix:\(socket)"], log: folder.file("log"))
    // It makes the socket a moment before it listens.
    #expect(eventually { chmod(socket, 0o666) == 0 && (try? Socket(unix: socket)) != nil })
    let nginx =
      "fastcgi_pass unix:\(socket); fastcgi_param SCRIPT_FILENAME \(script); fastcgi_param REQUEST_METHOD $request_method;"
    let extra = [
      Site.Kind.nginx: """
      include pico-auth-verify.conf;
      location / { \(nginx) include pico-auth-gate-fastcgi.conf; }
      location /public/ { \(nginx) include pico-auth-open-fastcgi.conf; }
      """,
      .lighttpd: #"""
      server.modules += ("mod_cgi")
      include "pico-auth-targets.conf"
      index-file.names = ("index.cgi")
      var.pico_auth_docroot = "htdocs"
      $HTTP["url"] !~ "^/(api/v1/auth/|\.well-known/(jwks\.json|oauth-authorization-server|openid-configuration)$|public(/|$))" {
        include "pico-auth-gate.conf"
        cgi.assign = ("" => "")
      }
      $HTTP["url"] =~ "^/public(/|$)" {
        include "pico-auth-open.conf"
        cgi.assign = ("" => "")
      }
      """#,
      .apacheFcgid: #"""
      ScriptAliasMatch "^/(?!api/v1/auth/|\.well-known/(jwks\.json|oauth-authorization-server|openid-configuration)$)" "SCRIPT"
      <LocationMatch "^/(?!api/v1/auth/|\.well-known/(jwks\.json|oauth-authorization-server|openid-configuration)$|public(/|$))">
        SetHandler cgi-script
        Include pico-auth-gate-fcgid.conf
      </LocationMatch>
      <Location "/public">
        SetHandler cgi-script
        Include pico-auth-open.conf
      </Location>
      """#.replacing("SCRIPT", with: script),
    ]
    let site = try Site(
      kind, pages: (script, ["index.cgi", "reports/index.cgi", "public/index.cgi"]), helpers: [application],
      extra: extra[kind] ?? "")
    let guarded = GuardedSite(site: site)
    let token = try site.client.session("me", role: "agent")
    for path in [
      "/", "/reports", "/reports/", "/publicity", "/public.html", "/api", "/.well-known/jwks.jsonx",
    ] {
      let answer = try guarded.get(path, bearer: nil, fields: [("Remote-User", "evil")])
      #expect([301, 401].contains(answer.status), "\(path): \(answer.status)")
    }
    #expect(GuardedSite.told(try guarded.get("/reports/", bearer: token))["REMOTE_USER"] == "me")
    let open = try guarded.get("/public/", bearer: nil, fields: [("Remote-User", "evil")])
    #expect(GuardedSite.told(open)["length"] == "0", "\(open.text)")
    #expect(!open.text.contains("evil"))
    #expect(try guarded.client.get("/.well-known/jwks.json").status == 200)
    for name in ["oauth-authorization-server", "openid-configuration"] {
      #expect(try guarded.client.get("/.well-known/\(name)").status != 401, "\(name)")
    }
  }
}
