import Foundation
import Synchronization
import TestSupport
import Testing
import Wallets

/// The same requests through every web server, with the shipped configurations: the answers are the same, or the
/// difference is named here and in docs/deployment.md.
@Suite(.serialized) struct SiteTests {
  /// One request, and what it must be answered with.
  private struct Probe {
    let name: String
    let status: Int
    /// Where a web server answers something else, by itself: docs/deployment.md.
    var differing: [Site.Kind: Int] = [:]
    let send: (HTTPClient) throws -> HTTPAnswer

    init(
      _ name: String, _ status: Int, differing: [Site.Kind: Int] = [:],
      _ send: @escaping (HTTPClient) throws -> HTTPAnswer
    ) {
      self.name = name
      self.status = status
      self.differing = differing
      self.send = send
    }
  }

  /// What must be the same whoever passes it on.
  private struct Outcome: Equatable {
    let status: Int
    let fields: [String: String]
    let body: String

    init(_ answer: HTTPAnswer) {
      status = answer.status
      let names = [
        "content-type", "cache-control", "www-authenticate", "allow", "etag", "vary", "retry-after",
        "x-content-type-options",
      ]
      var fields = Dictionary(
        names.compactMap { name in answer[name].map { (name, $0) } }, uniquingKeysWith: { first, _ in first })
      // Tokens, nonces and times differ by nature; what is left are the members' names.
      if status == 200, let json = try? answer.json(), json["keys"] == nil {
        body = json.members.map(\.name).joined(separator: " ")
        fields["etag"] = nil
      } else {
        body = answer.text
      }
      self.fields = fields
    }
  }

  private static let apache: [Site.Kind] = [.apacheProxy, .apacheFcgid, .apacheCGI]
  private static let lighttpd: [Site.Kind] = [.lighttpd, .lighttpdSpawned, .lighttpdCGI]

  private static func differing(_ kinds: [Site.Kind], _ status: Int) -> [Site.Kind: Int] {
    Dictionary(uniqueKeysWithValues: kinds.map { ($0, status) })
  }

  private static var probes: [Probe] {
    let secret = "0123456789-fleet-secret"
    let session = Array(#"{"session_id":"s","agent_id":"a"}"#.utf8)
    func fleet(_ fields: [(String, String)]) -> (HTTPClient) throws -> HTTPAnswer {
      { try $0.send("POST", "/fleet/sessions", fields: fields, body: session) }
    }
    var probes = BadRequest.all.filter { !$0.path.hasPrefix("//") }.map { bad in
      Probe("\(bad)", bad.status) { client in
        let answer = try client.send(
          bad.method, bad.path, fields: bad.fields, body: bad.body.map { Array($0.utf8) })
        #expect(answer.detail.contains(bad.detail), "\(bad): \(answer.text)")
        return answer
      }
    }
    probes += [
      Probe("jwks", 200) { try $0.get("/jwks") },
      Probe("jwks, query", 200) { try $0.get("/jwks?x=%2F&y") },
      Probe("jwks, escaped", 200) { try $0.get("/%6Awks") },
      Probe("jwks, HEAD", 200) { try $0.send("HEAD", "/jwks") },
      Probe("jwks, Accept", 200) { try $0.get("/jwks", fields: [("Accept", "application/jwk-set+json")]) },
      Probe("jwks, unchanged", 304) {
        try $0.get("/jwks", fields: [("If-None-Match", try $0.get("/jwks")["etag"] ?? "")])
      },
      Probe("well-known jwks", 200) { try $0.get("//.well-known/jwks.json") },
      Probe("well-known jwks, POST", 405) { try $0.send("POST", "//.well-known/jwks.json", body: []) },
      Probe("jwks, absolute form", 200) { try $0.get("http://localhost\($0.base)/jwks") },
      // Apache refuses an escaped slash before anybody is asked.
      Probe("escaped slash", 404, differing: differing(apache, 404)) { try $0.get("/fleet%2Fnothing") },
      Probe("slash behind", 404) { try $0.get("/jwks/") },
      Probe("base alone", 404) { try $0.get("/") },
      Probe("health", 200) { try $0.get("/health") },
      Probe("ready", 200) { try $0.get("/health/ready") },
      Probe("ready, POST", 405) { try $0.send("POST", "/health/ready", body: []) },

      Probe("a body that nobody reads", 404) {
        try $0.send("POST", "/nowhere", body: [UInt8](repeating: 0x20, count: 200_000))
      },
      Probe("a body that nobody reads, GET", 200, differing: differing(lighttpd, 400)) {
        try $0.send("GET", "/jwks", body: [UInt8](repeating: 0x20, count: 200_000))
      },
      Probe("a body that is too large", 413) {
        try $0.send("POST", "/challenge", body: [UInt8](repeating: 0x20, count: 200_000))
      },
      Probe("no body", 400, differing: differing(lighttpd, 411)) { try $0.send("POST", "/challenge") },
      Probe("an empty body", 400) { try $0.send("POST", "/challenge", body: []) },
      Probe("a body in chunks", 200) {
        try $0.send(
          "POST", "/challenge", fields: [("Transfer-Encoding", "chunked")], body: nil,
          raw: "10\r\n{\"address\":\"aa\"}\r\n0\r\n\r\n")
      },

      Probe("login", 200) {
        try $0.postJSON("/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
      },
      Probe("sign-in", 200) { try $0.signIn(try WalletKey(Ed25519Scheme())) },
      Probe("sign-in with an answer of 40 KB", 200) { try $0.signIn(try WalletKey(MLDSA65Scheme())) },
      Probe("sign-in with Ethereum", 200) { try $0.signIn(try WalletKey(EIP4361Scheme())) },
      Probe("sign-in with Solana", 200) { try $0.signIn(try WalletKey(SIWSScheme())) },
      Probe("refresh", 200) {
        let tokens = try $0.signIn(try WalletKey(Secp256k1Scheme()))
        return try $0.postJSON("/refresh", #"{"refresh_token":"\#(tokens.string("refresh_token"))"}"#)
      },
      Probe("bearer of a wallet, 11 KB", 403) {
        let tokens = try $0.signIn(try WalletKey(MLDSA65Scheme()))
        return try $0.call("GET", "/mints", bearer: tokens.string("access_token"))
      },
      Probe("no bearer", 401) { try $0.get("/mints") },
      Probe("basic instead of bearer", 401) {
        try $0.get("/mints", fields: [("Authorization", "Basic b3BzOmE=")])
      },
      Probe("mints", 200) {
        try $0.call("GET", "/mints?limit=200&role=agent", bearer: $0.session("o", role: "operator"))
      },
      Probe("revoked jtis", 200) {
        try $0.call("GET", "/revoked-jtis", bearer: $0.session("v", role: "service"))
      },
      Probe("revoke", 200) {
        let bearer = try $0.session("o", role: "operator")
        return try $0.revoke(claim("jti", of: $0.session("x", role: "agent")), bearer: bearer)
      },
      Probe("a revoked bearer", 401) {
        let bearer = try $0.session("o", role: "operator")
        _ = try $0.revoke(claim("jti", of: bearer), bearer: bearer)
        let answer = try $0.call("GET", "/mints", bearer: bearer)
        #expect(answer.detail.hasPrefix("Token revoked (jti="))
        return HTTPAnswer(status: answer.status, fields: [], body: [])
      },
      Probe("bearer twice", 401, differing: [.nginx: 400]) {
        let bearer = ("Authorization", "Bearer \(try $0.session("o", role: "operator"))")
        let answer = try $0.get("/mints", fields: [bearer, bearer])
        return HTTPAnswer(status: answer.status, fields: [], body: [])
      },

      Probe("fleet session", 200, fleet([("X-Fleet-Secret", secret)])),
      Probe("fleet session, lower case", 200, fleet([("x-fleet-secret", secret)])),
      Probe("fleet session, underscores", 401, fleet([("X_Fleet_Secret", secret)])),
      Probe("fleet session, dots", 401, fleet([("X.Fleet.Secret", secret)])),
      Probe("fleet session, one underscore", 401, fleet([("X-Fleet_Secret", secret)])),
      Probe("fleet session, twice", 401, fleet([("X-Fleet-Secret", secret), ("X-Fleet-Secret", secret)])),
      Probe("fleet session, with a comma", 401, fleet([("X-Fleet-Secret", "\(secret), \(secret)")])),
      Probe(
        "fleet session, the right one behind a wrong one", 401,
        fleet([("X-Fleet-Secret", "x"), ("X-Fleet-Secret", secret)])),
      Probe(
        "a proxy of the client's choice", 200,
        fleet([("X-Fleet-Secret", secret), ("Proxy", "http://evil:1")])),
    ]
    return probes
  }

  @Test func everyServerAnswersTheSame() throws {
    var reference: [Outcome?] = []
    for kind in Site.Kind.allCases {
      // One after the other on the same state, so that even the keys are the same.
      let site = try Site(kind, state: state.file("state"))
      // The wrong passwords and secrets of the last server would slow this one down.
      let clearing = try Tool.run(
        [Tool.picoAuth, "throttle", "clear", "--all"],
        environment: ["SERVER_AUTH_STATE_DIR": state.file("state")])
      #expect(clearing.status == 0, "\(clearing.errors)")
      var outcomes: [Outcome?] = []
      for probe in Self.probes {
        let answer = try probe.send(site.client)
        #expect(
          answer.status == probe.differing[kind] ?? probe.status,
          "\(kind.rawValue): \(probe.name): \(answer.text)")
        outcomes.append(probe.differing[kind] == nil ? Outcome(answer) : nil)
      }
      if kind == .nginx { reference = outcomes }
      for (index, outcome) in outcomes.enumerated() {
        guard let outcome, let expected = reference[index] else { continue }
        #expect(outcome == expected, "\(kind.rawValue): \(Self.probes[index].name)\n\(outcome)\n\(expected)")
      }
      // A lie about the length ends the connection, with or without a word, and nothing else.
      let socket = try Socket(port: site.client.port)
      let lie = "POST \(site.client.base)/challenge HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{}"
      try socket.send(Array(lie.utf8))
      socket.endSending()
      let text = String(decoding: try socket.receiveAll(), as: UTF8.self)
      // mod_fcgid takes a client that breaks off for a failure of its own.
      let expected = kind == .apacheFcgid ? "HTTP/1.1 500" : "HTTP/1.1 4"
      #expect(text.isEmpty || text.hasPrefix(expected), "\(kind.rawValue): \(text)")
      #expect(try site.client.get("/jwks").status == 200)
      #expect(!site.output.contains("worker ended"))
    }
  }

  private let state = {
    let folder = TemporaryFolder()
    _ = chmod(folder.path, 0o755)
    return folder
  }()

  /// As each server stops what it has started; with a loop that isn't told, lighttpd and mod_fcgid leave orphans.
  @Test(arguments: Site.Kind.allCases)
  func aStopLeavesNobodyBehind(_ kind: Site.Kind) throws {
    let site = try Site(kind)
    #expect(try site.client.get("/jwks").status == 200)
    let server = site.server.descendants + (site.backend?.descendants ?? [])
    #expect(kind.isCGI || !server.isEmpty)
    let start = Date()
    site.stop(within: 5)
    #expect(!site.server.isRunning)
    if let backend = site.backend { #expect(backend.wait(within: 0) == 0) }
    #expect(eventually(within: 2) { server.allSatisfy { kill($0, 0) == -1 } })
    #expect(Date().timeIntervalSince(start) < 3)
  }
}
