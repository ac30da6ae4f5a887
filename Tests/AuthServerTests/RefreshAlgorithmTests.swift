import AuthServer
import Gate
import Stores
import TestSupport
import Testing
import Tokens

/// A refresh token with HS256 gets new tokens, and nothing else.
@Suite struct RefreshAlgorithmTests {
  private let server: InProcess
  private let authenticator: Authenticator

  init() throws {
    let server = try InProcess()
    self.server = server
    authenticator = Authenticator(
      verifier: TokenVerifier(
        ring: try KeyRing(keys: [InProcess.key]), issuer: Settings().issuer, audience: Settings().audience,
        clock: server.clock.clock),
      revocations: server.stores.revocations,
      sessions: server.settings.liveSessions(server.stores, clock: server.clock.clock))
  }

  private func token(_ algorithm: RefreshAlgorithm, isRefresh: Bool) throws -> String {
    try TokenIssuer(
      ring: KeyRing(keys: [InProcess.key]), issuer: Settings().issuer, audience: Settings().audience,
      refreshAlgorithm: algorithm, clock: server.clock.clock
    ).draft(
      subject: "s", role: "user", tokenID: TokenIssuer.newTokenID(), issuedAt: server.clock.clock.seconds,
      expiry: server.clock.clock.seconds + 60, isRefresh: isRefresh
    ).sign()
  }

  @Test(arguments: RefreshAlgorithm.allCases)
  func itGetsNewTokensAndNothingElse(_ algorithm: RefreshAlgorithm) throws {
    let token = try token(algorithm, isRefresh: true)
    for kind in [Credential.Kind.bearer, .cookie, .agent] {
      #expect(throws: Refusal.self) { try authenticator.authenticate(Credential(token: token, kind: kind)) }
    }
    let mints = server.send("GET", "/mints", fields: [("Authorization", "Bearer \(token)")])
    #expect(mints.status == 401)
    let answer = server.send("POST", "/refresh", body: Array(#"{"refresh_token":"\#(token)"}"#.utf8))
    #expect(answer.status == 200)
  }

  @Test func anAccessTokenIsNoRefreshToken() throws {
    let token = try token(.hs256, isRefresh: false)
    let answer = server.send("POST", "/refresh", body: Array(#"{"refresh_token":"\#(token)"}"#.utf8))
    #expect(answer.status == 401)
    #expect(String(decoding: answer.body, as: UTF8.self).contains("refresh invalid: not a refresh token"))
  }
}
