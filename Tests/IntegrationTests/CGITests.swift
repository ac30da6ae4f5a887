import Foundation
import TestSupport
import Testing
import Wallets

/// The program as a plain CGI script: each request a new process.
@Suite(.serialized) struct CGITests {
  private let folder = TemporaryFolder()

  private func environment() throws -> [String: String] {
    let config = try folder.write(
      "config.yaml", "server_auth:\n  state_dir: \(folder.file("state"))\n\(Backend.settings)\n")
    return ["PICO_AUTH_CONFIG": config]
  }

  private func contract(_ client: HTTPClient) throws {
    for scheme in WalletSchemes.all {
      let key = try WalletKey(scheme)
      let body = try key.signIn(try client.challenge(for: key))
      let answer = try client.postJSON("/sign-in", body)
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.string("address") == key.address)
      #expect(try client.postJSON("/sign-in", body).status == 401)
      let refreshed = try client.postJSON(
        "/refresh", #"{"refresh_token":"\#(answer.string("refresh_token"))"}"#)
      #expect(refreshed.status == 200)
    }
    for bad in BadRequest.all where !bad.path.hasPrefix("//") {
      let answer = try client.send(
        bad.method, bad.path, fields: bad.fields, body: bad.body.map { Array($0.utf8) })
      #expect(answer.status == bad.status, "\(bad)")
      #expect(answer.detail.contains(bad.detail), "\(bad): \(answer.text)")
    }
    let keySet = try client.get("/jwks")
    #expect(keySet.status == 200)
    #expect(try client.get("/jwks").body == keySet.body)
    #expect(try client.send("HEAD", "/jwks").body.isEmpty)
  }

  @Test func underLighttpd() throws {
    let server = try WebServer.lighttpdCGI(try environment())
    try contract(server.client)
    let direct = HTTPClient(port: server.client.port, base: "/cgi-bin/pico-auth.cgi")
    #expect(try direct.get("/jwks").status == 200)
    #expect(try direct.get("/api/v1/auth/jwks").status == 200)
  }

  @Test func underNginxWithFcgiwrap() throws {
    let server = try WebServer.nginxCGI(try environment())
    try contract(server.client)
  }

  @Test func ofManyProcessesAtOnceOneAcceptsTheChallenge() throws {
    let server = try WebServer.lighttpdCGI(try environment())
    let client = server.client
    let key = try WalletKey(Ed25519Scheme())
    for _ in 0..<5 {
      let body = try key.signIn(try client.challenge(for: key))
      let statuses = try concurrently(16) { _ in try client.postJSON("/sign-in", body).status }
      #expect(statuses.count { $0 == 200 } == 1)
      #expect(statuses.count { $0 == 401 } == 15)
    }
  }

  @Test func aWrongConfigurationIsA500ThatTellsNothing() throws {
    let config = try folder.write("bad.yaml", "server_auth:\n  isuer: x\n")
    let server = try WebServer.lighttpdCGI(["PICO_AUTH_CONFIG": config])
    let answer = try server.client.get("/jwks")
    #expect(answer.status == 500)
    #expect(answer["content-type"] == "application/problem+json")
    #expect(!answer.text.contains("isuer"))
    #expect(server.child.output.contains("bad.yaml:2: unknown key isuer"))
  }
}
