import AuthServer
import Foundation
import TestSupport
import Testing

@Suite struct TokenRouteTests {
  private let backend: InProcess

  init() throws { backend = try InProcess() }

  private func login(
    _ backend: InProcess, _ password: String = "correct horse"
  ) throws -> HTTPAnswer {
    try backend.postJSON("/login", #"{"email":"ops@example.org","password":"\#(password)"}"#)
  }

  @Test func anOperatorLogsIn() throws {
    let answer = try login(backend)
    #expect(answer.status == 200)
    #expect(answer["cache-control"] == "no-store")
    let claims = try backend.claims(answer.string("access_token"))
    #expect(claims["sub"] as? String == "ops@example.org")
    #expect(claims["role"] as? String == "operator")
    #expect(try answer.json()["address"] == nil)
  }

  @Test func aHashedPasswordIsTheUsualWay() throws {
    let backend = try InProcess {
      $0.adminPassword = ""
      $0.adminPasswordHash = PasswordHash.make("correct horse")
      $0.adminRole = "admin"
    }
    let answer = try login(backend)
    #expect(answer.status == 200)
    #expect(try backend.claims(answer.string("access_token"))["role"] as? String == "admin")
    #expect(try login(backend, "wrong").status == 401)
    #expect(try login(backend, "").status == 401)
  }

  @Test func loginIsOffUnlessTurnedOn() throws {
    let answer = try login(try InProcess { $0.allowsPasswordLogin = false })
    #expect(answer.status == 403)
    #expect(answer.detail == "password login disabled")
  }

  @Test func refreshingKeepsSubjectAndRole() throws {
    let first = try login(backend)
    backend.clock.advance(10)
    let token = first.string("refresh_token")
    let answer = try backend.postJSON("/refresh", #"{"refresh_token":"\#(token)"}"#)
    #expect(answer.status == 200)
    let claims = try backend.claims(answer.string("access_token"))
    #expect(claims["sub"] as? String == "ops@example.org")
    #expect(claims["role"] as? String == "operator")
    #expect(claims["type"] == nil)
    let next = try backend.claims(answer.string("refresh_token"))
    #expect(next["type"] as? String == "refresh")
    #expect(next["jti"] as? String != (try backend.tokenID(token)))
    #expect(answer.string("token_type") == "Bearer")
    #expect(try answer.json()["expires_in"]?.integer == 900)
  }

  @Test func onlyAGoodRefreshTokenRefreshes() throws {
    let tokens = try login(backend)
    func refresh(_ token: String) throws -> HTTPAnswer {
      try backend.postJSON("/refresh", #"{"refresh_token":"\#(token)"}"#)
    }
    let access = try refresh(tokens.string("access_token"))
    #expect(access.status == 401)
    #expect(access.detail == "refresh invalid: not a refresh token")
    backend.clock.advance(7 * 86400 + 1)
    let expired = try refresh(tokens.string("refresh_token"))
    #expect(expired.status == 401)
    #expect(expired.detail == "refresh expired")
  }

  @Test func aRevokedRefreshTokenIsRefused() throws {
    let token = try login(backend).string("refresh_token")
    let jti = try backend.tokenID(token)
    // As the peer writes it.
    try backend.folder.write(
      "revocations.jsonl",
      #"{"jti": "\#(jti)", "revoked_at": 1700000000.5, "reason": "", "revoked_by": "op"}"# + "\n")
    let answer = try backend.postJSON("/refresh", #"{"refresh_token":"\#(token)"}"#)
    #expect(answer.status == 401)
    #expect(answer.detail.hasPrefix("refresh invalid: "))
  }

  @Test func revocationsThatCanNotBeReadLetNothingPass() throws {
    let token = try login(backend).string("refresh_token")
    try backend.folder.write("revocations.jsonl", "garbage\n")
    #expect(try backend.postJSON("/refresh", #"{"refresh_token":"\#(token)"}"#).status == 503)
  }
}
