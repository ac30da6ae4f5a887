import Foundation
import TestSupport
import Testing

/// A site with an application that the gate guards, with the shipped configurations: `/app` for builders, `/any` for
/// whoever has a token, `/token` where the token is passed on; `/open` is for anybody.
struct GuardedSite {
  enum Kind: String, CaseIterable {
    case nginx, nginxFastCGI, nginxCached, lighttpd, apacheAuthnz, apacheFcgid, apacheAuthnzProxy,
      apacheFcgidProxy

    /// Whether Apache starts the gate itself, and knows one refusal only.
    var isFcgid: Bool { self == .apacheFcgid || self == .apacheFcgidProxy }

    /// Whether the application is told in the client's fields' own variables (`HTTP_…`), or in others alone.
    var usesFields: Bool { self != .lighttpd }
  }

  let site: Site
  /// The application's.
  var folder: TemporaryFolder?
  var client: HTTPClient { HTTPClient(port: site.client.port, base: "") }

  func get(_ path: String, bearer: String?, fields: [(String, String)] = []) throws -> HTTPAnswer {
    try client.get(path, fields: (bearer.map { [("Authorization", "Bearer \($0)")] } ?? []) + fields)
  }

  /// - Parameters:
  ///   - environment: of `serve`, with the kind `nginx`.
  ///   - more: lines for the server block, with the kind `nginx`.
  static func start(
    _ kind: Kind, environment: [String: String] = [:], extra more: String = ""
  ) throws -> GuardedSite {
    let script = "\(WebServer.project)/Tests/Peers/echo.cgi"
    let extra: String
    switch kind {
    case .nginx, .nginxCached:
      let (application, port, folder) = try startApplication()
      let verify = kind == .nginx ? "pico-auth-verify.conf" : "pico-auth-verify-cached.conf"
      extra = """
        \(more)
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
        location /open/ { include pico-auth-open.conf; proxy_pass http://127.0.0.1:\(port); }
        """
      return GuardedSite(
        site: try Site(
          .nginx, settings: settings, helpers: [application], environment: environment, extra: extra),
        folder: folder)
    case .nginxFastCGI:
      let folder = TemporaryFolder()
      let socket = folder.file("app.sock")
      chmod(folder.path, 0o755)
      let application = try Child(["fcgiwrap", "-s", "unix:\(socket)"], log: folder.file("log"))
      // It makes the socket a moment before it listens.
      #expect(eventually { chmod(socket, 0o666) == 0 && (try? Socket(unix: socket)) != nil })
      func location(
        _ path: String, _ requirement: String, gate: String = "pico-auth-gate-fastcgi.conf"
      ) -> String {
        """
        location \(path) {
          \(requirement)
          fastcgi_pass unix:\(socket);
          fastcgi_param SCRIPT_FILENAME \(script);
          fastcgi_param REQUEST_METHOD $request_method;
          fastcgi_param CONTENT_LENGTH $content_length;
          include \(gate);
        }
        """
      }
      extra =
        "include pico-auth-verify.conf;\n" + location("/app/", "set $pico_auth_role builder;")
        + location("/any/", "") + location("/token/", "set $pico_auth_token 1;")
        + location("/open/", "", gate: "pico-auth-open-fastcgi.conf")
      return GuardedSite(
        site: try Site(.nginx, settings: settings, helpers: [application], extra: extra), folder: folder)
    case .lighttpd:
      func condition(_ path: String, _ requirement: String, file: String = "pico-auth-gate.conf") -> String {
        """
        $HTTP["url"] =~ "^\(path)(/|$)" {
          \(requirement)
          include "\(file)"
          cgi.assign = ("" => "")
        }
        """
      }
      extra =
        """
        server.modules += ("mod_cgi")
        include "pico-auth-targets.conf"
        index-file.names = ("index.cgi")
        var.pico_auth_docroot = "htdocs"

        """
        + condition("/app", #"setenv.add-environment = ("PICO_AUTH_REQUIRE_ROLE" => "builder")"#)
        + condition("/any", "")
        + condition("/token", #"setenv.add-environment = ("PICO_AUTH_PASS_TOKEN" => "1")"#)
        + condition("/open", "", file: "pico-auth-open.conf")
      let pages = ["app/index.cgi", "any/index.cgi", "any/x", "token/index.cgi", "open/index.cgi"]
      return GuardedSite(
        site: try Site(.lighttpd, settings: settings, pages: (script, pages), extra: extra))
    case .apacheAuthnz, .apacheFcgid, .apacheAuthnzProxy, .apacheFcgidProxy:
      let port = kind.isFcgid ? nil : Socket.freePort()
      let gate = kind.isFcgid ? "pico-auth-gate-fcgid.conf" : "pico-auth-gate-authnz.conf"
      let isProxy = kind == .apacheAuthnzProxy || kind == .apacheFcgidProxy
      let application = isProxy ? try startApplication() : nil
      func location(_ path: String, _ requirement: String, file: String = gate) -> String {
        let handler =
          application.map { "ProxyPass http://127.0.0.1:\($0.port)\(path)" } ?? "SetHandler cgi-script"
        return """
          \(isProxy ? "" : "ScriptAlias \(path) \(script)")
          <Location \(path)>
            \(handler)
            \(requirement)
            Include \(file)
          </Location>

          """
      }
      extra =
        location("/app", "SetEnvIfExpr true PICO_AUTH_REQUIRE_ROLE=builder") + location("/any", "")
        + location("/token", "SetEnvIfExpr true PICO_AUTH_PASS_TOKEN=1")
        + location("/open", "", file: "pico-auth-open.conf")
      return GuardedSite(
        site: try Site(
          kind.isFcgid ? .apacheFcgid : .apacheProxy, settings: settings, listeningOn: port,
          helpers: application.map { [$0.child] } ?? [], extra: extra,
          global: port.map { "AuthnzFcgiDefineProvider authn pico-auth fcgi://127.0.0.1:\($0)/" } ?? ""),
        folder: application?.folder)
    }
  }

  /// The example's application, which answers over HTTP with what it is told.
  private static func startApplication() throws -> (child: Child, port: Int, folder: TemporaryFolder) {
    let port = Socket.freePort()
    let folder = TemporaryFolder()
    let child = try Child(
      ["python3", "\(WebServer.project)/Examples/GatedApp/app.py", "\(port)"], log: folder.file("log"))
    #expect(eventually { (try? Socket(port: port)) != nil })
    return (child, port, folder)
  }

  private static let settings = Backend.settings + "\n  cookie_name: pico\n"

  /// The lines that the application answered with.
  static func told(_ answer: HTTPAnswer) -> [String: String] {
    var told: [String: String] = [:]
    for line in answer.text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { continue }
      told[parts[0]] = told[parts[0]].map { "\($0) and \(parts[1])" } ?? parts[1]
    }
    return told
  }
}
