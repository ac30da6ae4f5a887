import Foundation
import TestSupport
import Testing

/// The routes of sessions and of OAuth through every web server, with the shipped configurations: each request reaches
/// pico-auth as it was sent, and its answer comes back as it was made.
@Suite(.serialized) struct SessionRouteTests {
  private let state = {
    let folder = TemporaryFolder()
    _ = chmod(folder.path, 0o755)
    return folder
  }()

  /// An issuer with a path, as the metadata has places of its own then.
  private static let settings =
    Backend.settings + "\n  issuer: https://auth.example.org/id\n  cookie_name: pico\n"

  private struct Probe {
    let method: String
    let path: String
    /// nil where the contract leaves it open.
    let status: Int?
    var fields: [(String, String)] = []
    var body: String?

    var name: String { "\(method) \(path) \(fields.map(\.0))" }
  }

  private static func probes(bearer: String, cookie: String) -> [Probe] {
    let form = ("Content-Type", "application/x-www-form-urlencoded")
    let origin = ("Origin", "http://localhost")
    let bearer = ("Authorization", "Bearer \(bearer)")
    let sid = String(repeating: "a", count: 32)
    var probes: [Probe] = []
    // What the contract says of nobody, of a service's token, of an operator's cookie without an Origin, and with one.
    let credentials = [[], [bearer], [("Cookie", cookie)], [("Cookie", cookie), origin]]
    for (index, credential) in credentials.enumerated() {
      probes += [
        Probe(method: "GET", path: "/me", status: [401, 200, 200, 200][index], fields: credential),
        Probe(
          method: "GET", path: "/sessions?sub=nobody&active=true&limit=1",
          status: [401, nil, 200, 200][index],
          fields: credential),
        Probe(
          method: "DELETE", path: "/sessions/\(sid)", status: [401, 404, 403, 404][index], fields: credential),
        Probe(
          method: "POST", path: "/oauth/revoke", status: 200,
          fields: credential + [form], body: "token=x%2By&z=1"),
        Probe(
          method: "POST", path: "/oauth/introspect", status: [401, 200, 403, 200][index],
          fields: credential + [form], body: "token=x&token_type_hint=access_token"),
      ]
    }
    probes += [
      Probe(method: "POST", path: "/logout", status: 401, body: ""),
      Probe(method: "POST", path: "/logout", status: 403, fields: [("Cookie", cookie)], body: ""),
      Probe(
        method: "POST", path: "/logout", status: 403,
        fields: [("Cookie", cookie), ("Origin", "https://evil.example")], body: ""),
      Probe(method: "PUT", path: "/logout", status: 405, body: ""),
      Probe(method: "POST", path: "/me", status: 405, body: "{}"),
      Probe(method: "DELETE", path: "/sessions", status: 405),
      Probe(method: "GET", path: "//.well-known/oauth-authorization-server/id", status: 200),
      Probe(method: "HEAD", path: "//id/.well-known/openid-configuration", status: 200),
      Probe(method: "GET", path: "//id/.well-known/openid-configuration", status: 200),
      Probe(method: "POST", path: "//id/.well-known/openid-configuration", status: 405, body: ""),
      // At last, as the cookie is good for nothing afterwards.
      Probe(method: "POST", path: "/logout", status: 204, fields: [("Cookie", cookie), origin], body: ""),
      Probe(method: "GET", path: "/me", status: 401, fields: [("Cookie", cookie)]),
    ]
    return probes
  }

  /// Whatever pico-auth decides that a route answers, it must not depend on who passes it on.
  @Test func everyServerPassesThemOn() throws {
    var reference: [[String]] = []
    for kind in Site.Kind.allCases {
      // One after the other on the same state, so that even the keys are the same.
      let site = try Site(kind, state: state.file("state"), settings: Self.settings)
      // Cookies that an answer sets reach the client.
      let login = try site.client.post(
        "/login?cookie=true", #"{"email":"ops@example.org","password":"correct horse"}"#)
      let set = try #require(login["set-cookie"], "\(kind.rawValue): \(login.text)")
      #expect(set.hasPrefix("__Host-pico="))
      #expect(set.contains("Path=/; ") && set.contains("Secure; HttpOnly; SameSite=Lax"))

      let bearer = try site.client.session("s", role: "service")
      let probes = Self.probes(bearer: bearer, cookie: String(set.prefix { $0 != ";" }))
      for (index, probe) in probes.enumerated() {
        let answer = try site.client.send(
          probe.method, probe.path, fields: probe.fields, body: probe.body.map { Array($0.utf8) })
        let parts = Self.parts(answer, probe.method)
        if kind == .nginx { reference.append(parts) }
        #expect(parts == reference[index], "\(kind.rawValue): \(probe.name)")
        #expect(
          answer.status == probe.status ?? answer.status, "\(kind.rawValue): \(probe.name): \(answer.text)")
        // Only pico-auth sends this field.
        #expect(
          answer["x-content-type-options"] == "nosniff", "\(kind.rawValue): \(probe.name): \(answer.text)")
      }
    }
  }

  /// What must be the same whoever passes it on, without what differs from one sign-in to the next.
  private static func parts(_ answer: HTTPAnswer, _ method: String) -> [String] {
    let names = ["content-type", "cache-control", "www-authenticate", "allow", "set-cookie"]
    let text = method == "HEAD" ? "" : answer.text.replacing(#/"(exp|sid)":"?[0-9A-Za-z_.-]+"?/#, with: "")
    return ["\(answer.status)"] + names.map { "\($0): \(answer[$0] ?? "")" } + [text]
  }
}
