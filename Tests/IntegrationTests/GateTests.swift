import Foundation
import Gate
import TestSupport
import Testing
import Wallets

/// An application that each web server guards by the gate, with the shipped configurations: `/app/` for builders,
/// `/any/` for whoever has a token.
@Suite(.serialized) struct GateTests {
  typealias Kind = GuardedSite.Kind

  private func start(_ kind: Kind) throws -> GuardedSite { try GuardedSite.start(kind) }

  private func told(_ answer: HTTPAnswer) -> [String: String] { GuardedSite.told(answer) }

  @Test(arguments: Kind.allCases)
  func whoMayComeInComesInWithAnIdentity(_ kind: Kind) throws {
    let guarded = try start(kind)
    let auth = guarded.site.client
    let wallet = try WalletKey(Ed25519Scheme())
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
    let byCookie = try guarded.get("/any/", bearer: nil, fields: [("Cookie", try cookie(auth, wallet))])
    #expect(byCookie.status == 200)
    #expect(self.told(byCookie)["REMOTE_USER"] == wallet.address)

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
    let wallet = try WalletKey(MLDSA65Scheme())
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

  /// A cached answer depends on nothing that its key doesn't hold: not on a field's second value, nor on another field.
  @Test func aCachedAnswerIsForOneSetOfFields() throws {
    let guarded = try start(.nginxCached)
    let auth = guarded.site.client
    let token = try auth.session("s", role: "builder")
    let (agent, other) = (try auth.session("a", role: "agent"), try auth.session("b", role: "agent"))
    func get(_ agents: [String]) throws -> HTTPAnswer {
      try guarded.get(
        "/any/", bearer: token, fields: agents.map { ("X-Agent-Authorization", "Bearer \($0)") })
    }
    // In either order of coming, what is told is what was checked.
    for agents in [[agent], [agent, other], [agent, "nonsense"], [other, agent], [other]] {
      let first = try get(agents)
      let second = try get(agents)
      #expect(first.status == second.status)
      #expect(told(first) == told(second))
      if first.status == 200 { #expect(told(first)["X_AUTH_AGENT"] == claim("sub", of: agents[0])) }
    }
    #expect(try get(["nonsense", agent]).status == 401)
    let page = [("Cookie", try cookie(auth)), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]
    func status(_ origins: [String]) throws -> Int {
      try guarded.get("/any/", bearer: nil, fields: page + origins.map { ("Origin", $0) }).status
    }
    #expect(try status(["https://evil.example", "http://localhost"]) == 403)
    let (alone, second) = (
      try status(["http://localhost"]), try status(["http://localhost", "https://evil.example"])
    )
    #expect(alone == 200)
    // nginx 1.22 tells the first of several; from 1.23 on all of them, which is no origin.
    #expect(try status(["http://localhost", "https://evil.example"]) == second)
  }

  /// The Cookie field of a session that begins now.
  private func cookie(_ auth: HTTPClient, _ wallet: WalletKey? = nil) throws -> String {
    let answer = try auth.signIn(try wallet ?? WalletKey(Ed25519Scheme()), query: "?cookie=true")
    return "__Host-pico=\(try #require(answer.cookie("__Host-pico")))"
  }

  /// A field that comes twice is refused, or counts by one value, which is all that the application gets then.
  @Test(arguments: Kind.allCases)
  func whatWasCheckedIsWhatTheApplicationGets(_ kind: Kind) throws {
    let guarded = try start(kind)
    let auth = guarded.site.client
    let token = try auth.session("s", role: "builder")
    let (agent, other) = (try auth.session("a", role: "agent"), try auth.session("b", role: "agent"))
    /// What the application gets of a field, without the prefix that it may have.
    func value(_ name: String, in answer: HTTPAnswer) -> String? {
      let told = told(answer)
      return told[name] ?? told["HTTP_" + name]
    }
    let name = "X-Agent-Authorization"
    let alone = try guarded.get("/any/", bearer: token, fields: [(name, "Bearer \(agent)")])
    #expect(told(alone)["X_AUTH_AGENT"] == "a")
    #expect(value("X_AGENT_AUTHORIZATION", in: alone) == "Bearer \(agent)")
    for agents in [
      ["Bearer \(agent)", "Bearer \(other)"], ["Bearer \(other)", "Bearer \(agent)"],
      ["Bearer \(agent)", "nonsense"], ["", "Bearer \(other)"],
    ] {
      // The second time from the cache, where there is one.
      for _ in 0..<2 {
        let answer = try guarded.get("/any/", bearer: token, fields: agents.map { (name, $0) })
        guard answer.status == 200 else {
          #expect(answer.status == 401, "\(agents)")
          continue
        }
        let passedOn = value("X_AGENT_AUTHORIZATION", in: answer)
        // lighttpd drops an empty field.
        #expect(
          passedOn == (agents[0].isEmpty ? nil : agents[0]) || agents[0].isEmpty && passedOn == agents[1])
        #expect(told(answer)["X_AUTH_AGENT"] == passedOn.map { claim("sub", of: $0) })
      }
    }
    let cookie = [("Cookie", try cookie(guarded.site.client))]
    for origins in [
      ["http://localhost", "https://evil.example"], ["https://evil.example", "http://localhost"],
      ["", "http://localhost"], ["http://localhost"],
    ] {
      for _ in 0..<2 {
        let answer = try guarded.client.send(
          "POST", "/any/", fields: cookie + origins.map { ("Origin", $0) }, body: [])
        guard answer.status == 200 else {
          #expect([401, 403].contains(answer.status) && origins.count > 1, "\(origins): \(answer.status)")
          continue
        }
        #expect(value("ORIGIN", in: answer) == "http://localhost", "\(origins)")
      }
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
    let cookie = try cookie(guarded.site.client)
    let host = "localhost"
    let upgrade = [
      ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
      ("Cookie", cookie),
    ]
    func status(_ origin: String?) throws -> Int {
      try guarded.get("/any/", bearer: nil, fields: upgrade + (origin.map { [("Origin", $0)] } ?? [])).status
    }
    let own = try status("http://\(host)")
    #expect(own == 200, "\(guarded.site.output)")
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
    for name in IdentityHeader.all.map(\.name) {
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
    let port = Socket.freePort()
    let site = try Site(
      .nginx, extra: "} server { listen 127.0.0.1:\(port); include pico-auth-verify-http.conf;")
    let result = try Tool.run([
      try #require(Tool.python), "\(WebServer.project)/Tests/Peers/agree.py",
      "http://127.0.0.1:\(site.client.port)/api/v1/auth", "http://localhost:8100",
      "\(site.state)/keys/pico-server-auth-1.pem", "\(port)",
    ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("144 scopes"))
  }
}
