import Foundation
import TestSupport
import Testing
import Wallets

/// Time that passes for real workers.
@Suite(.serialized) struct ExpiryTests {
  private let folder = TemporaryFolder()

  /// A worker that knows a token from before refuses it too.
  @Test func anAccessTokenEndsAfterFifteenMinutes() throws {
    let clock = try MovedClock()
    let backend = try Backend(in: folder, workers: 2, environment: clock.environment)
    let client = { try FastCGIClient(unix: backend.socket) }
    let key = try WalletKey(Ed25519Scheme())
    let challenge = try client().challenge(key.address)
    let token = try client().postJSON("/sign-in", try key.signIn(challenge)).string("access_token")
    func verify() throws -> HTTPAnswer {
      try client().send("GET", "/verify", fields: [("Authorization", "Bearer \(token)")])
    }
    for (minutes, status) in [(0, 204), (14, 204), (16, 401), (0, 204)] {
      try clock.move(by: 60 * minutes)
      for _ in 0..<8 {
        let answer = try verify()
        #expect(answer.status == status, "after \(minutes) minutes: \(answer.text)")
        if status == 401 { #expect(answer.detail == "Token has expired") }
      }
    }
  }
}
