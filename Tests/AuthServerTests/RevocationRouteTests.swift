import AuthServer
import Foundation
import Stores
import Synchronization
import TestSupport
import Testing
import Tokens
import Wallets

/// Revoking a token, a session, or all that a subject has; by the contract's route and by OAuth's.
@Suite struct RevocationRouteTests {
  private let backend: InProcess
  private let op: TestCredential
  private let wallet: WalletKey

  init() throws {
    wallet = try WalletKey(Ed25519Scheme())
    backend = try InProcess {
      $0.cookieName = "pico"
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["agent", "service"]
    }
    op = .bearer(try backend.login().string("access_token"))
  }

  private func revoke(_ json: String, as credential: TestCredential? = nil) throws -> HTTPAnswer {
    try backend.send("POST", "/revoke", as: credential ?? op, json)
  }

  private func status(_ token: String) -> Int {
    backend.send("GET", "/verify", fields: [("Authorization", "Bearer \(token)")]).status
  }

  private func fleetToken(_ session: String, role: String = "agent") -> String {
    backend.send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"\#(session)","agent_id":"a","role":"\#(role)"}"#.utf8)
    ).string("session_token")
  }

  private func isKnown(_ answer: HTTPAnswer) throws -> Bool? {
    if case .bool(let value)? = try answer.json()["known"] { value } else { nil }
  }

  private func revoked(_ answer: HTTPAnswer, _ member: String) throws -> Int? {
    try answer.json()["revoked"]?.object?[member]?.integer
  }

  @Test func aTokensRevocationEndsItsSession() throws {
    let tokens = try backend.signIn(wallet)
    let jti = try backend.tokenID(tokens.string("access_token"))
    let answer = try revoke(#"{"jti":"\#(jti)","reason":"lost"}"#)
    #expect(answer.status == 200)
    #expect(try isKnown(answer) == true)
    #expect(try answer.json()["revoked"]?.object?["jti"]?.string == jti)
    #expect(answer.string("sid") == (try backend.claims(tokens.string("access_token"))["sid"] as? String))
    #expect(status(tokens.string("access_token")) == 401)
    #expect(try backend.refresh(tokens.string("refresh_token")).status == 401)
  }

  @Test func anyTextMayBeAJtiButATypoIsTold() throws {
    let answer = try revoke(#"{"jti":"übertoken/1"}"#)
    #expect(answer.status == 200)
    #expect(try isKnown(answer) == false)
    #expect(try backend.stores.revocations.isRevoked("übertoken/1"))
  }

  @Test func whatIsNoJtiIsRefusedWithARemedy() throws {
    let token = try backend.signIn(wallet).string("access_token")
    for (jti, remedy) in [
      (token, "send it as token"), ("a b", "send the claim jti"), ("a\\n", "send the claim jti"),
      (" a", "send the claim jti"), ("a\\u0000", "send the claim jti"), ("\\u00a0", "send the claim jti"),
      ("a\\u009b", "send the claim jti"), ("a\\u200b", "send the claim jti"),
      ("\\ufeffa", "send the claim jti"),
    ] {
      let answer = try revoke(#"{"jti":"\#(jti)"}"#)
      #expect(answer.status == 400)
      #expect(answer.detail.contains(remedy), "\(answer.detail)")
    }
    #expect(status(token) == 204)
  }

  @Test func exactlyOneThingIsRevoked() throws {
    #expect(try revoke("{}").detail == "jti required")
    #expect(try revoke(#"{"jti":""}"#).detail == "jti required")
    #expect(try revoke(#"{"jti":"a","sub":"b"}"#).status == 400)
    #expect(try revoke(#"{"sid":"a","token":"b"}"#).status == 400)
    #expect(try revoke(#"{"sub":7}"#).detail == "sub must be a string")
    #expect(try revoke(#"{"sid":"unknown"}"#).status == 404)
    let foreign = try revoke(#"{"token":"a.b.c"}"#)
    #expect(foreign.status == 400)
    #expect(foreign.detail.hasPrefix("token is not one of this server's"))
  }

  @Test(arguments: ["access_token", "refresh_token"])
  func aWholeTokenIsRevokedWithItsSession(_ which: String) throws {
    let tokens = try backend.signIn(wallet)
    let answer = try revoke(#"{"token":"\#(tokens.string(which))","reason":"lost"}"#)
    #expect(answer.status == 200)
    #expect(try isKnown(answer) == true)
    #expect(status(tokens.string("access_token")) == 401)
    #expect(try backend.refresh(tokens.string("refresh_token")).status == 401)
    #expect(try backend.stores.revocations.isRevoked(backend.tokenID(tokens.string("access_token"))))
  }

  @Test func aSessionIsRevokedByItsIdentifier() throws {
    let tokens = try backend.signIn(wallet)
    let sid = try #require(try backend.claims(tokens.string("access_token"))["sid"] as? String)
    let answer = try revoke(#"{"sid":"\#(sid)","reason":"stolen"}"#)
    #expect(try revoked(answer, "sessions") == 1)
    #expect(try revoked(answer, "tokens") == 1)
    #expect(status(tokens.string("access_token")) == 401)
    let again = try revoke(#"{"sid":"\#(sid)"}"#)
    #expect(again.status == 200)
    #expect(try revoked(again, "sessions") == 0)
    #expect(try backend.stores.sessions.find(sid)?.end?.reason == "stolen")
  }

  @Test func callersRevokeTheirOwn() throws {
    let mine = try backend.signIn(wallet)
    let other = try backend.signIn(WalletKey(Ed25519Scheme(), seed: Array(repeating: 9, count: 32)))
    let me = TestCredential.bearer(mine.string("access_token"))
    func sid(_ answer: HTTPAnswer) throws -> String {
      try #require(try backend.claims(answer.string("access_token"))["sid"] as? String)
    }
    for body in [
      #"{"jti":"\#(try backend.tokenID(mine.string("access_token")))"}"#, #"{"sub":"\#(wallet.address)"}"#,
      #"{"sid":"\#(try sid(other))"}"#, #"{"sid":"unknown"}"#,
      #"{"token":"\#(other.string("access_token"))"}"#, "{}",
    ] {
      let refused = try revoke(body, as: me)
      #expect(refused.status == 403, "\(body)")
      #expect(refused.detail == "Requires one of roles: ['operator']")
    }
    let second = try backend.signIn(wallet)
    #expect(try revoke(#"{"sid":"\#(try sid(second))"}"#, as: me).status == 200)
    #expect(status(second.string("access_token")) == 401)
    #expect(try revoke(#"{"token":"\#(mine.string("refresh_token"))"}"#, as: me).status == 200)
    #expect(status(mine.string("access_token")) == 401)
    #expect(status(other.string("access_token")) == 204)
    #expect(try revoke("{}", as: .nobody).status == 401)
  }

  @Test func aSubjectIsRevokedAsAWhole() throws {
    let tokens = try (0..<3).map { _ in try backend.signIn(wallet) }
    let cookie = try #require(try backend.signIn(wallet, query: "?cookie=true").cookie("__Host-pico"))
    let refreshed = try backend.refresh(tokens[0].string("refresh_token"))
    let other = try backend.login()
    let answer = try revoke(#"{"sub":"\#(wallet.address)","reason":"stolen"}"#)
    #expect(answer.status == 200)
    #expect(try answer.json()["revoked"]?.object?["sub"]?.string == wallet.address)
    #expect(try revoked(answer, "sessions") == 4)
    // Four pairs.
    #expect(try revoked(answer, "tokens") == 8)
    for answer in tokens + [refreshed] {
      #expect(status(answer.string("access_token")) == 401)
      #expect(try backend.refresh(answer.string("refresh_token")).status == 401)
      #expect(try backend.stores.revocations.isRevoked(backend.tokenID(answer.string("access_token"))))
    }
    #expect(backend.send("GET", "/verify", fields: [("Cookie", "__Host-pico=\(cookie)")]).status == 401)
    #expect(status(other.string("access_token")) == 204)
    // At once: within the same second too.
    let anew = try backend.signIn(wallet)
    #expect(status(anew.string("access_token")) == 204)
    #expect(try backend.refresh(anew.string("refresh_token")).status == 200)
  }

  @Test func aFleetSessionsTokensAreRevokedByItsName() throws {
    let tokens = (0..<3).map { _ in fleetToken("s1") }
    let other = fleetToken("s2")
    let answer = try revoke(#"{"sub":"s1"}"#)
    #expect(try revoked(answer, "sessions") == 0)
    #expect(try revoked(answer, "tokens") == 3)
    for token in tokens { #expect(status(token) == 401) }
    #expect(status(other) == 204)
    // A token of the same second would be refused.
    let early = backend.send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"s1","agent_id":"a"}"#.utf8))
    #expect(early.status == 503)
    #expect(early["retry-after"] == "1")
    backend.clock.advance(1)
    #expect(status(fleetToken("s1")) == 204)
  }

  /// A token that the mint audit doesn't know is refused all the same.
  @Test func whatIsNotRecordedIsRefusedToo() throws {
    let unrecorded = try InProcess(like: backend) { $0.mintAuditMinimumSeconds = 100 * 86400 }
    let token = try unrecorded.signIn(wallet)
    let answer = try revoke(#"{"sub":"\#(wallet.address)"}"#)
    #expect(try revoked(answer, "tokens") == 1)
    #expect(status(token.string("access_token")) == 401)
  }

  /// The access token of a session stands in the session's record, even if it lives too short for the mint audit.
  @Test func shortLivedTokensAreListedToo() throws {
    let short = try InProcess(like: backend) { $0.accessTokenMinutes = 4 }
    let tokens = try short.signIn(wallet)
    #expect(try revoked(revoke(#"{"sub":"\#(wallet.address)"}"#), "tokens") == 2)
    #expect(try backend.stores.revocations.isRevoked(backend.tokenID(tokens.string("access_token"))))
  }

  /// A subject is revoked while the tokens of its sign-in are being recorded: the revocation doesn't see them, so nobody
  /// gets them.
  @Test func aSignInInFlightIsRefused() throws {
    let ends = Mutex<(@Sendable () -> Void)?>(nil)
    let racing = try InProcess(like: backend) {
      $0.fleetSecret = "0123456789-fleet-secret"
    } stores: {
      $0.mints = RacingAudit(audit: $0.mints) { ends.withLock { $0 }?() }
    }
    let stores = backend.stores
    let address = wallet.address
    ends.withLock {
      $0 = { for subject in [address, "s1"] { _ = try? stores.sessions.endAll(of: subject, reason: "") } }
    }
    #expect(try racing.signIn(wallet).status == 503)
    let agent = racing.send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"s1","agent_id":"a"}"#.utf8))
    #expect(agent.status == 503)
    ends.withLock { $0 = nil }
    #expect(try racing.signIn(wallet).status == 200)
  }

  private struct RacingAudit: MintAuditStore {
    let audit: any MintAuditStore
    let beforeAppend: @Sendable () -> Void

    func append(_ mints: [Mint]) throws {
      beforeAppend()
      try audit.append(mints)
    }

    func list(_ query: MintQuery) throws -> MintPage { try audit.list(query) }
  }

  // MARK: - OAuth

  @Test(arguments: ["access_token", "refresh_token"])
  func whoeverHasATokenCanRevokeIt(_ which: String) throws {
    let tokens = try backend.signIn(wallet)
    let answer = try backend.postForm(
      "/oauth/revoke", "token=\(tokens.string(which))&token_type_hint=\(which)&other=1")
    #expect(answer.status == 200)
    #expect(status(tokens.string("access_token")) == 401)
    #expect(try backend.refresh(tokens.string("refresh_token")).status == 401)
  }

  @Test func oauthRevocationIsStrictInFormOnly() throws {
    #expect(try backend.postForm("/oauth/revoke", "token=nonsense").status == 200)
    #expect(try backend.postForm("/oauth/revoke", "").status == 400)
    #expect(try backend.postForm("/oauth/revoke", "token=").status == 400)
    #expect(try backend.postForm("/oauth/revoke", "token=a&token=b").status == 400)
    #expect(try backend.postJSON("/oauth/revoke", #"{"token":"a"}"#).status == 415)
    #expect(backend.send("POST", "/oauth/revoke", body: Array("token=a".utf8)).status == 415)
  }

  private func introspect(_ token: String, as credential: TestCredential? = nil) throws -> HTTPAnswer {
    let service = fleetToken("validator", role: "service")
    return try backend.postForm(
      "/oauth/introspect", "token=\(token)", fields: [("Authorization", "Bearer \(service)")])
  }

  @Test func aProgramAsksWhetherATokenIsGood() throws {
    let tokens = try backend.signIn(wallet)
    let access = try introspect(tokens.string("access_token"))
    #expect(access.status == 200)
    #expect(access.text.hasPrefix(#"{"active":true,"token_type":"Bearer""#))
    #expect(access.string("sub") == wallet.address)
    #expect(access.string("role") == "wallet")
    #expect(try access.json()["exp"]?.integer == backend.clock.clock.seconds + 900)
    #expect(access["cache-control"] == "no-store")
    let refresh = try introspect(tokens.string("refresh_token"))
    #expect(refresh.text.hasPrefix(#"{"active":true,"token_type":"refresh_token""#))
    // A retired one isn't good, although a repetition would be answered.
    _ = try backend.refresh(tokens.string("refresh_token"))
    let inactive = #"{"active":false}"#
    #expect(try introspect(tokens.string("refresh_token")).text == inactive)
    for token in ["nonsense", "a.b.c", tokens.string("access_token") + "x"] {
      #expect(try introspect(token).text == inactive)
    }
    _ = try backend.send("POST", "/logout", as: .bearer(tokens.string("access_token")))
    #expect(try introspect(tokens.string("access_token")).text == inactive)
  }

  @Test func notEverybodyMayAsk() throws {
    let token = try backend.signIn(wallet).string("access_token")
    func ask(_ fields: [(String, String)]) throws -> HTTPAnswer {
      try backend.postForm("/oauth/introspect", "token=\(token)", fields: fields)
    }
    #expect(try ask([]).status == 401)
    #expect(try ask([("Authorization", "Bearer \(token)")]).status == 403)
    #expect(
      try ask([("Authorization", "Bearer \(try backend.login().string("access_token"))")]).status == 200)
  }

  @Test(arguments: [
    ("https://id.example", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"),
    (
      "https://id.example/tenant", "/.well-known/oauth-authorization-server/tenant",
      "/tenant/.well-known/openid-configuration"
    ),
    (
      "https://id.example:8443/a/b/", "/.well-known/oauth-authorization-server/a/b",
      "/a/b/.well-known/openid-configuration"
    ),
  ])
  func theMetadataStandWhereTheRFCsPutThem(_ issuer: String, _ path: String, _ openID: String) throws {
    let backend = try InProcess { $0.issuer = issuer }
    let answer = backend.send("GET", "/" + path)
    #expect(answer.status == 200)
    #expect(answer.string("issuer") == issuer)
    let origin = issuer.contains(":8443") ? "https://id.example:8443" : "https://id.example"
    #expect(answer.string("revocation_endpoint") == "\(origin)/api/v1/auth/oauth/revoke")
    #expect(answer.string("introspection_endpoint") == "\(origin)/api/v1/auth/oauth/introspect")
    #expect(answer.string("jwks_uri") == "\(origin)/api/v1/auth/jwks")
    #expect(try answer.json()["response_types_supported"]?.array?.isEmpty == true)
    #expect(backend.send("GET", "/" + openID).text == answer.text)
  }
}
