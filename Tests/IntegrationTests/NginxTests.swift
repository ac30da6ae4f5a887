import Foundation
import TestSupport
import Testing
import Wallets

/// nginx with the shipped location blocks in front of four workers.
@Suite(.serialized) struct NginxTests {
  private let folder = TemporaryFolder()
  private let backend: Backend
  private let nginx: WebServer.Running
  private var client: HTTPClient { nginx.client }

  init() throws {
    backend = try Backend(in: folder, workers: 4)
    nginx = try WebServer.nginx([backend.socket])
  }

  @Test func everyBadRequestIsRefusedAsTheContractSaysAndEveryWorkerLives() throws {
    let workers = backend.child.children
    for bad in BadRequest.all {
      let answer = try client.send(
        bad.method, bad.path, fields: bad.fields, body: bad.body.map { Array($0.utf8) })
      // nginx knows no route but ours.
      if bad.path.hasPrefix("//") {
        #expect(answer.status == 404)
        continue
      }
      #expect(answer.status == bad.status, "\(bad)")
      #expect(answer.detail.contains(bad.detail), "\(bad): \(answer.text)")
      #expect(answer["content-type"] == "application/problem+json")
      #expect(answer["x-content-type-options"] == "nosniff")
      #expect(answer["cache-control"] == "no-store")
    }
    #expect(backend.child.children == workers)
  }

  @Test func theKeySetIsTheSameFromEveryWorkerAndAtBothPlaces() throws {
    let first = try client.get("/jwks")
    for _ in 0..<100 {
      let answer = try client.get("/jwks")
      #expect(answer.body == first.body)
      #expect(answer["etag"] == first["etag"])
    }
    #expect(try client.get("//.well-known/jwks.json").body == first.body)
    let head = try client.send("HEAD", "/jwks")
    #expect(head.status == 200)
    #expect(head.body.isEmpty)
    #expect(head["content-length"] == "\(first.body.count)")
    let tag = try #require(first["etag"])
    let unchanged = try client.get("/jwks", fields: [("If-None-Match", tag)])
    #expect(unchanged.status == 304)
  }

  @Test func pathsAreReadAsNginxSendsThem() throws {
    #expect(try client.get("/jwks?x=%2F&y").status == 200)
    #expect(try client.get("/%6Awks").status == 200)
    #expect(try client.get("//api/v1/auth/./jwks").status == 200)
    #expect(try client.get("/jwks/").status == 404)
    #expect(try client.get("/").status == 404)
    // Absolute form.
    let socket = try Socket(port: client.port)
    try socket.send(
      Array("GET http://x.example/api/v1/auth/jwks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
    #expect(String(decoding: try socket.receive(), as: UTF8.self).hasPrefix("HTTP/1.1 200"))
  }

  @Test func aChunkedBodyIsRead() throws {
    let json = #"{"address":"aa"}"#
    let answer = try client.send(
      "POST", "/challenge",
      fields: [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")], body: nil,
      raw: "\(String(json.utf8.count, radix: 16))\r\n\(json)\r\n0\r\n\r\n")
    #expect(answer.status == 200)
  }

  @Test func oneThousandSignInsNoneRefused() throws {
    let keys = try (0..<8).map { _ in try WalletKey(Ed25519Scheme()) }
    let client = client
    let statuses = try concurrently(8) { number in
      try (0..<125).map { _ in try client.signIn(keys[number]).status }
    }
    #expect(statuses.joined().count { $0 == 200 } == 1000)
  }

  @Test func oneChallengePresented64TimesAtOnceIsAcceptedOnce() throws {
    let key = try WalletKey(Ed25519Scheme())
    let client = client
    for round in 0..<100 {
      let body = try key.signIn(try client.challenge(key.address))
      let statuses = try concurrently(64) { _ in try client.postJSON("/sign-in", body).status }
      #expect(statuses.count { $0 == 200 } == 1, "round \(round)")
      #expect(statuses.count { $0 == 401 } == 63, "round \(round)")
    }
  }

  @Test func aKilledWorkerIsMissedByNobodyForASecond() throws {
    for _ in 0..<5 {
      let worker = try #require(backend.child.children.randomElement())
      kill(worker, SIGKILL)
      let start = Date()
      #expect(try client.get("/jwks").status == 200)
      #expect(Date().timeIntervalSince(start) < 1)
      #expect(eventually { backend.child.children.count == 4 })
    }
  }

  @Test func theShippedLimitsStopAFloodAndNothingElse() throws {
    let client = try WebServer.limitedNginx(backend.socket)
    func statuses(_ path: String, _ count: Int) throws -> [Int] {
      try (0..<count).map { _ in try client.client.postJSON(path, #"{"address":"aa"}"#).status }
    }
    // The burst of each location, then what the rate lets through while we ask.
    let challenges = try statuses("/challenge", 60)
    #expect(challenges.prefix(20).allSatisfy { $0 == 200 })
    #expect(challenges.contains(429))
    #expect(try statuses("/login", 20).contains(429))
    #expect(try statuses("/refresh", 60).contains(429))
    #expect(try statuses("/fleet/sessions", 200).contains(429))
    #expect(try statuses("/sessions", 60).contains(429))
    let refused = try (0..<50).lazy.map { _ in try client.client.postJSON("/challenge", "{}") }
      .first { $0.status == 429 }
    #expect(refused?["content-type"] == "application/problem+json")
    #expect(refused?["retry-after"] == "1")
    #expect(try (0..<100).allSatisfy { _ in try client.client.get("/jwks").status == 200 })
  }

  /// A client has as many IPv6 addresses as it wants, of one /64. IPv4 addresses are single, in either spelling.
  @Test func clientsOfIPv6CountByTheirNetwork() throws {
    let nginx = try WebServer.limitedNginx(
      backend.socket, extra: "set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;")
    func isLimited(_ path: String, _ address: (Int) -> String) throws -> Bool {
      try (0..<150).contains { number in
        try nginx.client.send(
          "POST", path, fields: [("X-Real-IP", address(number)), ("Content-Type", "application/json")],
          body: Array("{}".utf8)
        ).status == 429
      }
    }
    for (index, path) in ["/challenge", "/sign-in", "/login", "/refresh", "/fleet/sessions", "/sessions"]
      .enumerated()
    {
      #expect(try isLimited(path) { "2001:db8:0:\(index)::\(String($0, radix: 16))" }, "\(path)")
      #expect(try isLimited(path) { _ in "192.0.2.\(index)" }, "\(path)")
      #expect(try !isLimited(path) { "2001:db8:\(index + 1):\(String($0, radix: 16))::1" }, "\(path)")
      #expect(try !isLimited(path) { "198.51.\(index).\($0)" }, "\(path)")
      #expect(try !isLimited(path) { "::ffff:203.0.\(index).\($0)" }, "\(path)")
    }
    // The octets of a network and of its hosts may be those that patterns take for something else.
    #expect(try isLimited("/challenge") { "2001:db8:a0a:a0a:0a0a:\(String($0, radix: 16))::" })
  }

  @Test func withTheBackendGoneNginxSaysSo() throws {
    #expect(backend.child.stop() == 0)
    let answer = try client.get("/jwks")
    #expect(answer.status == 503)
    #expect(answer["retry-after"] == "1")
    #expect(answer["content-type"] == "application/problem+json")
    #expect(answer.detail == "temporarily unavailable")
  }

  @Test(arguments: [66_000, 100_000, 1_000_000, 2_000_000])
  func aBodyOfAnySizeIsRefusedAsAProblem(_ size: Int) throws {
    let answer = try client.send(
      "POST", "/challenge", fields: [("Content-Type", "application/json")],
      body: [UInt8](repeating: 0x20, count: size))
    #expect(answer.status == 413)
    #expect(answer["content-type"] == "application/problem+json")
    #expect(try client.get("/jwks").status == 200)
  }

  @Test(.enabled(if: Tool.python != nil, "PICO_AUTH_PYTHON names no Python with the peers"))
  func thePythonPeersAcceptOurTokensAndSignForUs() throws {
    let python = try #require(Tool.python)
    let base = "http://127.0.0.1:\(client.port)/api/v1/auth"
    let peers = "\(WebServer.project)/Tests/Peers"
    let signIn = try Tool.run([python, "\(peers)/sign_in.py", base])
    try #require(signIn.status == 0, "\(signIn.errors)")
    let login = try client.postJSON(
      "/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
    let wallets = try Tool.run([python, "\(peers)/wallets.py", base])
    try #require(wallets.status == 0, "\(wallets.errors)")
    let people = wallets.output.dropFirst().dropLast(2)
    let tokens = signIn.output.dropLast(2) + ", \(people), \"\(login.string("access_token"))\"]"
    let result = try Tool.run(
      [python, "\(peers)/validate.py", base, "http://localhost:8100"], input: String(tokens))
    #expect(result.status == 0, "\(result.errors)")
    let roles = result.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
    #expect(roles == ["wallet", "wallet", "wallet", "wallet", "wallet", "operator"])
  }
}
