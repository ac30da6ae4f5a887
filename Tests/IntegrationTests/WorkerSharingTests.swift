import Foundation
import TestSupport
import Testing
import Wallets

/// Several backends that have nothing in common but the state folder.
@Suite(.serialized) struct WorkerSharingTests {
  private let folder = TemporaryFolder()

  @Test func processesThatStartAtOnceAgreeOnOneKey() throws {
    let folder = folder
    let backends = try concurrently(6) { number in
      try Backend(in: folder, name: "backend-\(number)", state: folder.file("shared"))
    }
    let keySets = try backends.map { try FastCGIClient(unix: $0.socket).get("/jwks").body }
    #expect(Set(keySets).count == 1)
    let keys = try FileManager.default.contentsOfDirectory(atPath: folder.file("shared/keys"))
    #expect(keys == ["pico-server-auth-1.pem"])
  }

  @Test func aChallengeOfOneSignsInOnAnother() throws {
    let backends = try (0..<4).map {
      try Backend(in: folder, name: "backend-\($0)", state: folder.file("shared"))
    }
    let key = try WalletKey(Secp256k1Scheme())
    for round in 0..<40 {
      func client(_ number: Int) throws -> FastCGIClient {
        try FastCGIClient(unix: backends[number % 4].socket)
      }
      let challenge = try client(round).challenge(key.address)
      let body = try key.signIn(challenge)
      #expect(try client(round + 1 + round / 4).postJSON("/sign-in", body).status == 200)
      #expect(try client(round).postJSON("/sign-in", body).status == 401)
    }
  }

  @Test func aTokenOfOneIsRefreshedByAnother() throws {
    let backends = try (0..<2).map {
      try Backend(in: folder, name: "backend-\($0)", state: folder.file("shared"))
    }
    let login = try FastCGIClient(unix: backends[0].socket).postJSON(
      "/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
    let refreshed = try FastCGIClient(unix: backends[1].socket).postJSON(
      "/refresh", #"{"refresh_token":"\#(login.string("refresh_token"))"}"#)
    #expect(refreshed.status == 200)
  }

  /// However a session ends, the next request on every worker is refused.
  @Test func whatEndsOnOneIsOverOnAll() throws {
    let backends = try (0..<4).map {
      try Backend(
        in: folder, name: "backend-\($0)", state: folder.file("shared"),
        settings: Backend.settings + "\n  cookie_name: pico\n  refresh_reuse_grace_seconds: 0")
    }
    let clients = try backends.map { try FastCGIClient(unix: $0.socket, keepsConnection: true) }
    let key = try WalletKey(Ed25519Scheme())
    let operatorToken = TestCredential.bearer(try clients[0].login().string("access_token"))
    for round in 0..<40 {
      let tokens = try clients[round % 4].signIn(key)
      let access = TestCredential.bearer(tokens.string("access_token"))
      let cookie = TestCredential.cookie(
        try #require(try clients[round % 4].signIn(key, query: "?cookie=true").cookie("__Host-pico")))
      for client in clients {
        #expect(try client.send("GET", "/verify", as: access).status == 204)
        #expect(try client.send("GET", "/verify", as: cookie).status == 204)
      }
      let ending = clients[(round / 4 + round) % 4]
      switch round % 4 {
      case 0: #expect(try ending.send("POST", "/logout", as: access).status == 204)
      case 1:
        #expect(
          try ending.send("POST", "/revoke", as: operatorToken, #"{"sub":"\#(key.address)"}"#).status == 200)
      case 2:
        let sid = try ending.send("GET", "/me", as: access).string("sid")
        #expect(try ending.send("DELETE", "/sessions/\(sid)", as: operatorToken).status == 204)
      default:
        // Once is a refresh, twice is a theft.
        let answers = try [ending, ending].map { try $0.refresh(tokens.string("refresh_token")).status }
        #expect(answers == [200, 401])
      }
      for client in clients {
        #expect(try client.send("GET", "/verify", as: access).status == 401, "\(round)")
        // A subject's revocation ends all of its sessions.
        #expect(
          try client.send("GET", "/verify", as: cookie).status == (round % 4 == 1 ? 401 : 204), "\(round)")
      }
    }
  }
}
