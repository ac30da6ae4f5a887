import AuthServer
import CGI
import Foundation
import Stores
import TestSupport
import Testing
import Tokens
import Wallets

/// What a session allows, and how it ends.
@Suite struct SessionTests {
  private let backend: InProcess

  init() throws { backend = try InProcess { $0.cookieName = "pico" } }

  private func status(_ token: String) -> Int {
    backend.send("GET", "/verify", fields: [("Authorization", "Bearer \(token)")]).status
  }

  private func status(cookie: String) -> Int {
    backend.send("GET", "/verify", fields: [("Cookie", "__Host-pico=\(cookie)")]).status
  }

  // MARK: - Rotation

  @Test func aRefreshRetiresItsToken() throws {
    let first = try backend.login()
    let second = try backend.refresh(first.string("refresh_token"))
    #expect(second.status == 200)
    #expect(second.string("refresh_token") != first.string("refresh_token"))
    backend.clock.advance(11)
    let third = try backend.refresh(second.string("refresh_token"))
    #expect(third.status == 200)
    let sids = try [first, second, third].map {
      try backend.claims($0.string("access_token"))["sid"] as? String
    }
    #expect(Set(sids).count == 1)
    for answer in [first, second, third] { #expect(status(answer.string("access_token")) == 204) }
  }

  @Test func withinTheGraceThePredecessorGetsTheSameAnswer() throws {
    let first = try backend.login().string("refresh_token")
    let answer = try backend.refresh(first)
    backend.clock.advance(9.5)
    #expect(try backend.refresh(first).text == answer.text)
    #expect(try mints().count == 4)
  }

  @Test func afterTheGraceItEndsTheSession() throws {
    let tokens = try backend.login()
    let next = try backend.refresh(tokens.string("refresh_token"))
    backend.clock.advance(10.5)
    let reused = try backend.refresh(tokens.string("refresh_token"))
    #expect(reused.status == 401)
    #expect(reused.detail == "refresh invalid: reused")
    #expect(backend.log.messages.contains { $0.contains("refresh token reused") })
    for answer in [tokens, next] { #expect(status(answer.string("access_token")) == 401) }
    #expect(try backend.refresh(next.string("refresh_token")).status == 401)
    // Programs that only poll the list learn of it too.
    for answer in [tokens, next] {
      #expect(try backend.stores.revocations.isRevoked(backend.tokenID(answer.string("access_token"))))
    }
  }

  /// Even within the grace: two successors later, nobody who lost an answer asks.
  @Test func theGraceIsForTheImmediatePredecessorOnly() throws {
    let first = try backend.login().string("refresh_token")
    let second = try backend.refresh(first).string("refresh_token")
    let third = try backend.refresh(second)
    #expect(try backend.refresh(first).detail == "refresh invalid: reused")
    #expect(try backend.refresh(third.string("refresh_token")).status == 401)
  }

  @Test func withoutAGraceEachTokenWorksOnce() throws {
    let strict = try InProcess { $0.refreshReuseGraceSeconds = 0 }
    let first = try strict.login().string("refresh_token")
    #expect(try strict.refresh(first).status == 200)
    strict.clock.advance(0.01)
    #expect(try strict.refresh(first).detail == "refresh invalid: reused")
  }

  @Test func aSessionEndsAtItsAbsoluteEnd() throws {
    var tokens = try backend.login()
    for _ in 0..<5 {
      backend.clock.advance(6 * 86400 - 60)
      tokens = try backend.refresh(tokens.string("refresh_token"))
      #expect(tokens.status == 200)
    }
    // Five minutes are left of thirty days.
    #expect(try tokens.json()["expires_in"]?.integer == 300)
    let refresh = try backend.claims(tokens.string("refresh_token"))
    #expect(try backend.lifetime(refresh) == 300)
    backend.clock.advance(301)
    #expect(try backend.refresh(tokens.string("refresh_token")).detail == "refresh expired")
  }

  private func mints() throws -> [Mint] { try backend.stores.mints.list(MintQuery(limit: 1000)).mints }

  // MARK: - Refresh tokens of other programs

  private func foreign(
    subject: String = "someone", role: String = "user", id: String = TokenIssuer.newTokenID()
  ) throws
    -> String
  {
    let issuer = TokenIssuer(
      ring: try KeyRing(keys: [InProcess.key]), issuer: backend.settings.issuer,
      audience: backend.settings.audience, clock: backend.clock.clock)
    let now = backend.clock.clock.seconds
    return try issuer.draft(
      subject: subject, role: role, tokenID: id, issuedAt: now, expiry: now + 86400,
      isRefresh: true
    ).sign()
  }

  @Test(arguments: ["0123456789abcdef0123456789abcdef", "6f1c-not-hex", "0123456789ABCDEF0123456789ABCDEF"])
  func aTokenWithoutASessionWorksOnceAndGetsOne(_ id: String) throws {
    let token = try foreign(id: id)
    let answer = try backend.refresh(token)
    #expect(answer.status == 200)
    let claims = try backend.claims(answer.string("access_token"))
    #expect(claims["sub"] as? String == "someone")
    #expect(claims["role"] as? String == "user")
    #expect(claims["sid"] != nil)
    #expect(try backend.refresh(token).text == answer.text)
    #expect(try mints().count == 2)
    backend.clock.advance(11)
    #expect(try backend.refresh(token).detail == "refresh invalid: reused")
    #expect(status(answer.string("access_token")) == 401)
  }

  @Test func aTokenWithAnEmptyIdentifierIsNone() throws {
    #expect(try backend.refresh(foreign(id: "")).detail == "refresh invalid: jti is empty")
    #expect(try backend.login().status == 200)
  }

  /// Whoever revokes a token that a session took over means the session.
  @Test(arguments: ["jti", "token", "oauth"])
  func revokingATokenThatWasTakenOverEndsItsSession(_ way: String) throws {
    let op = TestCredential.bearer(try backend.login().string("access_token"))
    let token = try foreign()
    let successor = try backend.refresh(token)
    let answer =
      switch way {
      case "jti": try backend.send("POST", "/revoke", as: op, #"{"jti":"\#(try backend.tokenID(token))"}"#)
      case "token": try backend.send("POST", "/revoke", as: op, #"{"token":"\#(token)"}"#)
      default: try backend.postForm("/oauth/revoke", "token=\(token)")
      }
    #expect(answer.status == 200)
    #expect(status(successor.string("access_token")) == 401)
    #expect(try backend.refresh(token).status == 401)
    #expect(try backend.refresh(successor.string("refresh_token")).status == 401)
  }

  @Test func aRevokedTokenWithoutASessionStaysRefused() throws {
    let token = try foreign()
    _ = try backend.stores.revocations.revoke(backend.tokenID(token), reason: "lost", by: "op")
    let answer = try backend.refresh(token)
    #expect(answer.status == 401)
    #expect(answer.detail == "refresh invalid: token revoked")
  }

  // MARK: - People who may no longer sign in

  @Test(
    arguments: [
      { $0.adminPassword = "another horse" }, { $0.adminEmail = "new@example.org" },
      { $0.adminRole = "admin" }, { $0.allowsPasswordLogin = false },
      {
        $0.adminPassword = ""
        $0.adminPasswordHash = PasswordHash.make("correct horse")
      },
    ] as [@Sendable (inout Settings) -> Void])
  func aChangedOperatorIsOut(_ change: @Sendable (inout Settings) -> Void) throws {
    let tokens = try backend.login()
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    let wallet = try backend.signIn(WalletKey(Ed25519Scheme()))
    let reloaded = try backend.reloaded(change)
    func status(_ fields: [(String, String)]) -> Int {
      reloaded.send("GET", "/verify", fields: fields).status
    }
    #expect(status([("Authorization", "Bearer \(tokens.string("access_token"))")]) == 401)
    #expect(status([("Cookie", "__Host-pico=\(cookie)")]) == 401)
    #expect(status([("Authorization", "Bearer \(wallet.string("access_token"))")]) == 204)
    let refused = try reloaded.refresh(tokens.string("refresh_token"))
    #expect(refused.detail == "refresh invalid: the subject may no longer sign in")
    // For good: the old settings don't bring the session back.
    #expect(try backend.refresh(tokens.string("refresh_token")).status == 401)
    #expect(try reloaded.refresh(wallet.string("refresh_token")).status == 200)
  }

  @Test func aWalletWhoseSchemeIsTurnedOffIsOut() throws {
    let wallet = try backend.signIn(WalletKey(Ed25519Scheme()))
    let reloaded = try backend.reloaded { $0.walletAlgorithms = ["secp256k1"] }
    #expect(try reloaded.refresh(wallet.string("refresh_token")).status == 401)
  }

  /// The note of the operator ends sessions for good, and tokens that tell nothing of a password.
  @Test(
    arguments: [
      { $0.adminPassword = "another horse" }, { $0.adminEmail = "new@example.org" },
      { $0.allowsPasswordLogin = false },
    ] as [@Sendable (inout Settings) -> Void])
  func theOldSettingsDoNotBringAnOperatorBack(_ change: @Sendable (inout Settings) -> Void) throws {
    backend.start()
    let tokens = try backend.login()
    let adopted = try backend.refresh(foreign(subject: "ops@example.org", role: "operator"))
    #expect(adopted.status == 200)
    let unused = try foreign(subject: "ops@example.org", role: "operator")
    let wallet = try backend.signIn(WalletKey(Ed25519Scheme()))
    backend.start()
    #expect(status(tokens.string("access_token")) == 204)
    backend.clock.advance(1)
    let reloaded = try backend.reloaded(change)
    reloaded.start()
    backend.start()
    for answer in [tokens, adopted] {
      #expect(status(answer.string("access_token")) == 401)
      #expect(try backend.refresh(answer.string("refresh_token")).status == 401)
      #expect(try backend.stores.revocations.isRevoked(backend.tokenID(answer.string("access_token"))))
    }
    #expect(try backend.refresh(unused).status == 401)
    #expect(status(wallet.string("access_token")) == 204)
    backend.clock.advance(1)
    #expect(status(try backend.login().string("access_token")) == 204)
  }

  /// Without a new start too.
  @Test func anAdoptedOperatorIsOutWithTheOldPassword() throws {
    let adopted = try backend.refresh(foreign(subject: "ops@example.org", role: "operator"))
    let reloaded = try backend.reloaded { $0.adminPassword = "another horse" }
    let fields = [("Authorization", "Bearer \(adopted.string("access_token"))")]
    #expect(backend.send("GET", "/verify", fields: fields).status == 204)
    #expect(reloaded.send("GET", "/verify", fields: fields).status == 401)
    #expect(try reloaded.refresh(adopted.string("refresh_token")).status == 401)
  }

  // MARK: - Cookies

  @Test func aCookiesSessionEndsWhenItIsIdle() throws {
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    for _ in 0..<5 {
      backend.clock.advance(59 * 60)
      #expect(status(cookie: cookie) == 204)
    }
    backend.clock.advance(60 * 60)
    #expect(status(cookie: cookie) == 401)
  }

  @Test func aCookiesSessionHasAnAbsoluteEnd() throws {
    let backend = try InProcess {
      $0.cookieName = "pico"
      $0.sessionMaximumDays = 1
    }
    let answer = try backend.login("?cookie=true")
    let cookie = try #require(answer.cookie("__Host-pico"))
    #expect(try answer.json()["expires_in"]?.integer == 86400)
    var statuses: Set<Int> = []
    for _ in 0..<47 {
      backend.clock.advance(1800)
      statuses.insert(
        backend.send("GET", "/verify", fields: [("Cookie", "__Host-pico=\(cookie)")]).status)
    }
    #expect(statuses == [204])
    backend.clock.advance(1800)
    #expect(backend.send("GET", "/verify", fields: [("Cookie", "__Host-pico=\(cookie)")]).status == 401)
  }

  @Test func aDomainsCookieIsNamedSo() throws {
    let backend = try InProcess {
      $0.cookieName = "pico"
      $0.cookieDomain = "example.org"
    }
    let answer = try backend.login("?cookie=true")
    let value = try #require(answer.cookie("__Secure-pico"))
    #expect(answer["set-cookie"]?.contains("; Path=/; Domain=example.org; ") == true)
    #expect(backend.send("GET", "/verify", fields: [("Cookie", "__Secure-pico=\(value)")]).status == 204)
    #expect(backend.send("GET", "/verify", fields: [("Cookie", "__Host-pico=\(value)")]).status == 401)
  }

  @Test func theApplicationGetsAnAccessTokenThatIsKept() throws {
    let login = try backend.login("?cookie=true")
    let cookie = try #require(login.cookie("__Host-pico"))
    func handed() throws -> String {
      let answer = backend.verify([.passToken: "1"], cookie: cookie)
      #expect(answer.status == 204)
      return try #require(answer["x-auth-request-access-token"])
    }
    let token = try handed()
    #expect(status(token) == 204)
    let claims = try backend.claims(token)
    #expect(claims["sub"] as? String == "ops@example.org")
    #expect(claims["sid"] as? String == login.string("session"))
    #expect(try backend.lifetime(claims) == 900)
    backend.clock.advance(800)
    #expect(try handed() == token)
    // Another process makes the same.
    let other = try backend.reloaded()
    #expect(
      other.verify([.passToken: "1"], cookie: cookie)["x-auth-request-access-token"] == token)
    #expect(try mints().map(\.tokenID) == [backend.tokenID(token)])
    backend.clock.advance(60)
    let next = try handed()
    #expect(next != token)
    #expect(status(token) == 204)
    #expect(try backend.lifetime(backend.claims(next)) == 900)
    #expect(try backend.send("POST", "/logout", as: .bearer(next)).status == 204)
    #expect(status(token) == 401)
    #expect(status(cookie: cookie) == 401)
  }

  /// A clock that was ahead: the kept token isn't valid yet.
  @Test func aTokenOfTheFutureIsNotHandedOut() throws {
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    func handed() -> String {
      backend.verify([.passToken: "1"], cookie: cookie)["x-auth-request-access-token"] ?? ""
    }
    let token = handed()
    backend.clock.advance(-600)
    #expect(handed() != token)
    #expect(status(handed()) == 204)
  }

  // MARK: - Ends

  /// However many there were.
  @Test(arguments: ["logout", "reuse", "delete"])
  func allLiveAccessTokensOfAnEndedSessionAreListed(_ way: String) throws {
    var answers = [try backend.login()]
    for _ in 0..<5 { answers.append(try backend.refresh(answers.last?.string("refresh_token") ?? "")) }
    let last = TestCredential.bearer(answers.last?.string("access_token") ?? "")
    switch way {
    case "logout": #expect(try backend.send("POST", "/logout", as: last).status == 204)
    case "reuse": #expect(try backend.refresh(answers[0].string("refresh_token")).status == 401)
    default:
      let sid = try backend.send("GET", "/me", as: last).string("sid")
      #expect(try backend.send("DELETE", "/sessions/\(sid)", as: last).status == 204)
    }
    for answer in answers {
      #expect(try backend.stores.revocations.isRevoked(backend.tokenID(answer.string("access_token"))))
    }
  }

  @Test func signingOutEndsTheSessionOfEachCredential() throws {
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    let token = try backend.login().string("access_token")
    let answer = try backend.send(
      "POST", "/logout", as: .bearer(token),
      fields: [
        ("Cookie", "__Host-pico=\(cookie)"), ("Host", "app.example"), ("Origin", "https://app.example"),
      ])
    #expect(answer.status == 204)
    #expect(status(token) == 401)
    #expect(status(cookie: cookie) == 401)
  }

  /// A fleet chooses the subjects of its agents.
  @Test func anAgentsTokenOwnsNobodysSessions() throws {
    let backend = try InProcess(like: backend) { $0.fleetSecret = "0123456789-fleet-secret" }
    let wallet = try WalletKey(Ed25519Scheme())
    let tokens = try backend.signIn(wallet)
    let sid = try #require(try backend.claims(tokens.string("access_token"))["sid"] as? String)
    let agent = TestCredential.bearer(
      backend.send(
        "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
        body: Array(#"{"session_id":"\#(wallet.address)","agent_id":"a"}"#.utf8)
      ).string("session_token"))
    #expect(try backend.send("GET", "/sessions", as: agent).status == 403)
    #expect(try backend.send("DELETE", "/sessions/\(sid)", as: agent).status == 404)
    #expect(try backend.send("POST", "/revoke", as: agent, #"{"sid":"\#(sid)"}"#).status == 403)
    let token = tokens.string("refresh_token")
    #expect(try backend.send("POST", "/revoke", as: agent, #"{"token":"\#(token)"}"#).status == 403)
    #expect(status(tokens.string("access_token")) == 204)
  }

  @Test func signingOutEndsTheSession() throws {
    let tokens = try backend.login()
    let answer = try backend.send("POST", "/logout", as: .bearer(tokens.string("access_token")))
    #expect(answer.status == 204)
    #expect(answer["set-cookie"] == "__Host-pico=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
    #expect(status(tokens.string("access_token")) == 401)
    #expect(try backend.refresh(tokens.string("refresh_token")).status == 401)
    #expect(try backend.send("POST", "/logout", as: .nobody).status == 401)
  }

  @Test func signingOutByCookieNeedsAPageOfTheSite() throws {
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    let host = ("Host", "app.example")
    func logout(_ fields: [(String, String)]) throws -> HTTPAnswer {
      try backend.send("POST", "/logout", as: .cookie(cookie), fields: [host] + fields)
    }
    #expect(try logout([]).status == 403)
    #expect(try logout([("Origin", "https://evil.example")]).status == 403)
    #expect(status(cookie: cookie) == 204)
    #expect(try logout([("Origin", "https://app.example")]).status == 204)
    #expect(status(cookie: cookie) == 401)
    // Whoever signs out twice is out, and rid of the cookie.
    let again = try logout([("Origin", "https://app.example")])
    #expect(again.status == 204)
    #expect(again["set-cookie"]?.contains("Max-Age=0") == true)
  }

  @Test func callersSeeThemselves() throws {
    let wallet = try WalletKey(Ed25519Scheme())
    let token = try backend.signIn(wallet).string("access_token")
    let me = try backend.send("GET", "/me", as: .bearer(token))
    #expect(me.status == 200)
    #expect(me.string("sub") == wallet.address)
    #expect(me.string("role") == "wallet")
    #expect(me.string("algorithm") == "Ed25519")
    #expect(try me.json()["groups"]?.array?.isEmpty == true)
    #expect(me.string("sid") == (try backend.claims(token)["sid"] as? String))
    let cookie = try #require(try backend.login("?cookie=true").cookie("__Host-pico"))
    let operatorsOwn = try backend.send("GET", "/me", as: .cookie(cookie))
    #expect(operatorsOwn.string("sub") == "ops@example.org")
    #expect(try operatorsOwn.json()["exp"]?.integer == backend.clock.clock.seconds + 3600)
    #expect(try backend.send("GET", "/me", as: .nobody).status == 401)
  }

  /// The identifiers of the sessions that an answer lists.
  /// - Parameter flag: only those with this member true.
  private func items(_ answer: HTTPAnswer, where flag: String? = nil) throws -> [String] {
    try #require(try answer.json()["items"]?.array).compactMap { item in
      if let flag {
        guard case .bool(true) = item.object?[flag] else { return nil }
      }
      return item.object?["sid"]?.string
    }
  }

  @Test func callersListAndEndTheirOwnSessions() throws {
    let wallet = try WalletKey(Ed25519Scheme())
    let first = try backend.signIn(wallet)
    let second = try backend.signIn(wallet)
    let other = try backend.signIn(WalletKey(Ed25519Scheme(), seed: Array(repeating: 9, count: 32)))
    func sid(_ answer: HTTPAnswer) throws -> String {
      try #require(try backend.claims(answer.string("access_token"))["sid"] as? String)
    }
    let own = TestCredential.bearer(first.string("access_token"))
    let list = try backend.send("GET", "/sessions", as: own)
    #expect(try items(list) == [sid(second), sid(first)])
    let newest = try #require(try list.json()["items"]?.array?.first?.object)
    #expect(newest["method"]?.string == "Ed25519")
    #expect(newest["address"]?.string == "127.0.0.1")
    #expect(newest["created_at"]?.integer == backend.clock.clock.seconds)
    #expect(newest["expires_at"]?.integer == backend.clock.clock.seconds + 30 * 86400)
    #expect(try items(list, where: "current") == [sid(first)])
    #expect(try backend.send("GET", "/sessions?sub=x", as: own).status == 403)
    #expect(try backend.send("DELETE", "/sessions/\(sid(other))", as: own).status == 404)
    #expect(try backend.send("DELETE", "/sessions/nothing", as: own).status == 404)
    #expect(try backend.send("DELETE", "/sessions/", as: own).status == 404)
    #expect(try backend.send("DELETE", "/sessions/\(sid(second))", as: own).status == 204)
    #expect(status(second.string("access_token")) == 401)
    #expect(try items(backend.send("GET", "/sessions?active=true", as: own)) == [sid(first)])
    let ended = try #require(
      try backend.send("GET", "/sessions", as: own).json()["items"]?.array?.first?.object)
    #expect(ended["ended_at"]?.integer == backend.clock.clock.seconds)
    #expect(ended["reason"]?.string == "ended by its owner")

    let op = TestCredential.bearer(try backend.login().string("access_token"))
    #expect(try items(backend.send("GET", "/sessions", as: op)).count == 4)
    #expect(try items(backend.send("GET", "/sessions?sub=\(wallet.address)", as: op)).count == 2)
    let page = try backend.send("GET", "/sessions?limit=3", as: op)
    let rest = try backend.send("GET", "/sessions?limit=3&before=\(page.string("cursor"))", as: op)
    #expect(try items(page).count == 3)
    #expect(try items(rest) == [sid(first)])
    #expect(try backend.send("GET", "/sessions?before=x", as: op).status == 400)
    #expect(try backend.send("DELETE", "/sessions/\(sid(other))", as: op).status == 204)
    #expect(status(other.string("access_token")) == 401)
  }
}

extension InProcess {
  /// The same installation after a reload with other settings: the same stores and clock.
  func reloaded(_ change: (inout Settings) -> Void = { _ in }) throws -> InProcess {
    try InProcess(like: self, change)
  }

  /// What a process does when it starts.
  func start() {
    OperatorChange(settings: settings, stores: stores, clock: clock.clock, logger: log.logger).apply()
  }

  /// Asks the gate as a web server does whose configuration has parameters.
  func verify(_ parameters: [RequestInput: String], cookie: String) -> HTTPAnswer {
    send(
      "GET", "/verify", fields: [("Cookie", "__Host-pico=\(cookie)")], body: nil, from: "127.0.0.1",
      parameters: parameters)
  }
}
