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
}
