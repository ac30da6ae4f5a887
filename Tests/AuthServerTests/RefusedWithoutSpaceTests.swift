import AuthServer
import CGI
import HTTPTypes
import Stores
import Synchronization
import TestSupport
import Testing
import Tokens
import Wallets

/// What a refusal for want of disk space leaves as it was, so that clients can ask again.
@Suite struct RefusedWithoutSpaceTests {
  private static let hugeReserve = 1 << 50

  @Test func aSignInThatWasRefusedMayBeTriedAgainWithItsChallenge() throws {
    let roomy = try InProcess { $0.stateReserve = 0 }
    let full = try InProcess {
      $0.stateFolder = roomy.folder.path
      $0.stateReserve = Self.hugeReserve
    }
    let key = try WalletKey(Ed25519Scheme())
    let attempt = try key.signIn(try roomy.challenge(key.address))
    for _ in 0..<2 {
      let refused = try full.postJSON("/sign-in", attempt)
      #expect(refused.status == 503)
      #expect(refused["retry-after"] == "10")
    }
    #expect(try roomy.postJSON("/sign-in", attempt).status == 200)
    #expect(try roomy.postJSON("/sign-in", attempt).status == 401)
  }

  /// What a store didn't give out is no part of a client's share.
  @Test func aChallengeThatWasNotGivenCountsForNobody() throws {
    let challenges = FailingChallenges()
    let settings = Settings()
    let others = try InProcess()
    var stores = StoreBackend.open(
      settings, clock: others.clock.clock, logger: others.log.logger)
    stores.challenges = challenges
    let server = AuthService(
      settings: settings, keys: try KeyRing(keys: [InProcess.key]), stores: stores,
      logger: others.log.logger)
    func ask() -> HTTPResponse.Status {
      server.respond(
        to: Request(
          method: .post, target: "/api/v1/auth/challenge", body: Array(#"{"address":"aa"}"#.utf8),
          remoteAddress: "192.0.2.66")
      ).status
    }
    for _ in 0..<50 { #expect(ask() == .serviceUnavailable) }
    challenges.isFull.store(false, ordering: .relaxed)
    #expect(ask() == .ok)
  }

  private final class FailingChallenges: ChallengeStore {
    let isFull = Atomic(true)
    let load = 0.9

    func create(for address: String) throws -> String {
      if isFull.load(ordering: .relaxed) { throw StoreError("full", retryAfter: 1) }
      return String(repeating: "0", count: 64)
    }

    func consume(_ challenge: String, for address: String) throws -> Bool { false }
  }
}
