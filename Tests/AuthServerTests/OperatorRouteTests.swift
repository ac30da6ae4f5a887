import AuthServer
import Foundation
import Stores
import TestSupport
import Testing
import Tokens
import Wallets

@Suite struct OperatorRouteTests {
  private let backend: InProcess

  init() throws {
    backend = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["admin", "agent", "builder", "operator", "OPERATOR", "service", "wallet"]
      $0.revocationPath = ""
    }
  }

  private func session(
    _ body: String, secret: String? = "0123456789-fleet-secret", backend: InProcess? = nil
  ) -> HTTPAnswer {
    let fields = [("Content-Type", "application/json")] + (secret.map { [("X-Fleet-Secret", $0)] } ?? [])
    return (backend ?? self.backend).send("POST", "/fleet/sessions", fields: fields, body: Array(body.utf8))
  }

  private func token(_ role: String, session id: String = "s1") -> String {
    session(#"{"session_id":"\#(id)","agent_id":"a1","role":"\#(role)"}"#).string("session_token")
  }

  private func call(
    _ method: String, _ path: String, _ token: String, _ body: String? = nil,
    fields: [(String, String)] = []
  ) -> HTTPAnswer {
    backend.send(
      method, path, fields: [("Authorization", "Bearer \(token)")] + fields, body: body.map { Array($0.utf8) }
    )
  }

  private func items(_ answer: HTTPAnswer) throws -> [[String: Any]] {
    let document = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    return try #require(document?["items"] as? [[String: Any]], "\(answer.text)")
  }

  private func jti(_ token: String) throws -> String { try backend.tokenID(token) }

  // MARK: - Fleet sessions

  @Test func anAgentGetsASession() throws {
    let answer = session(
      #"{"session_id":"s1","agent_id":"a1","role":"builder","ttl":3600,"scope":"x y"}"#)
    #expect(answer.status == 200)
    #expect(answer["cache-control"] == "no-store")
    let claims = try backend.claims(answer.string("session_token"))
    #expect(
      Set(claims.keys) == [
        "sub", "session_id", "agent_id", "role", "scope", "iss", "aud", "iat", "exp", "jti",
      ])
    #expect(claims["sub"] as? String == "s1")
    #expect(claims["agent_id"] as? String == "a1")
    #expect(claims["role"] as? String == "builder")
    #expect(claims["scope"] as? String == "x y")
    #expect(try backend.lifetime(claims) == 3600)
    #expect(try answer.json()["exp"]?.integer == claims["exp"] as? Int)
  }

  @Test(arguments: [
    ("", 86400), (#","ttl":null"#, 86400), (#","ttl":0"#, 86400), (#","ttl":1"#, 60), (#","ttl":-5"#, 60),
    (#","ttl":61"#, 61), (#","ttl":9999999999"#, 3_153_600_000),
  ])
  func aSessionLastsBetweenItsLimits(_ ttl: String, _ seconds: Int) throws {
    let answer = session(#"{"session_id":"s","agent_id":"a"\#(ttl)}"#)
    let claims = try backend.claims(answer.string("session_token"))
    #expect(try backend.lifetime(claims) == seconds)
    #expect(claims["role"] as? String == "agent")
    #expect(claims["scope"] == nil)
  }

  @Test(arguments: [
    nil, "", "wrong", "0123456789-fleet-secre", "0123456789-FLEET-secret",
    "0123456789-fleet-secret, 0123456789-fleet-secret",
  ])
  func withoutTheSecretThereIsNoSession(_ secret: String?) {
    let answer = session(#"{"session_id":"s","agent_id":"a"}"#, secret: secret)
    #expect(answer.status == 401)
    #expect(answer.detail == "invalid X-Fleet-Secret")
    #expect(answer["www-authenticate"]?.hasPrefix("Bearer") == true)
  }

  @Test func withoutASecretThereIsNoRoute() throws {
    let answer = session("{}", secret: "", backend: try InProcess())
    #expect(answer.status == 404)
    #expect(answer.detail == "fleet mint endpoint disabled (server_auth.fleet_mint_secret unset)")
  }

  @Test(arguments: [
    ("{}", "session_id and agent_id required"), (#"{"session_id":"","agent_id":"a"}"#, "required"),
    (#"{"session_id":"s"}"#, "required"), (#"{"session_id":1,"agent_id":"a"}"#, "session_id must be"),
    (#"{"session_id":"s","agent_id":"a","ttl":"1"}"#, "ttl must be"),
    (#"{"session_id":"s","agent_id":"a","ttl":1.5}"#, "ttl must be"),
    (#"{"session_id":"s","agent_id":"a","role":7}"#, "role must be"),
    (#"{"session_id":"s","agent_id":"a","scope":[]}"#, "scope must be"),
  ])
  func aBadSessionIsRefused(_ body: String, _ detail: String) {
    let answer = session(body)
    #expect(answer.status == 400)
    #expect(answer.detail.contains(detail))
  }

  /// A token that is handed out can be verified, and a record that is written can be read.
  @Test func textsHaveTheirLimits() throws {
    let long = String(repeating: "x", count: 4097)
    let most = String(repeating: "x", count: 4096)
    for name in ["session_id", "agent_id", "role", "scope"] {
      var members = ["session_id": "s", "agent_id": "a"]
      members[name] = long
      let body = try JSONSerialization.data(withJSONObject: members)
      let answer = session(String(decoding: body, as: UTF8.self))
      #expect(answer.status == 400)
      #expect(answer.detail == "\(name) is too long")
    }
    let body = #"{"session_id":"\#(most)","agent_id":"\#(most)","role":"operator","scope":"\#(most)"}"#
    #expect(call("GET", "/mints", session(body).string("session_token")).status == 200)
    #expect(call("POST", "/revoke", token("operator"), #"{"jti":"\#(long)"}"#).status == 400)
  }

  @Test func anOperatorsRoleHasToBeListed() throws {
    let backend = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.adminRole = "chief"
    }
    for role in ["operator", "chief", "wallet"] {
      let answer = session(#"{"session_id":"s","agent_id":"a","role":"\#(role)"}"#, backend: backend)
      #expect(answer.status == 403, "\(role)")
      #expect(answer.detail == "role not allowed: \(role)")
    }
    // What an application may take for one of these, or for a list that has one.
    for role in [
      "Operator", "WALLET", "Chief", "operator ", " operator", "agent,operator", "agent operator", "a;b",
      #"operator\n"#, #"agent\toperator"#, #"operator\u0000"#, #"oper\u00adator"#, #"operator\u200b"#,
      "agent,",
    ] {
      let answer = session(#"{"session_id":"s","agent_id":"a","role":"\#(role)"}"#, backend: backend)
      #expect(answer.status == 403, "\(role)")
      #expect(answer.detail.hasPrefix("role not allowed: "))
    }
    let listing = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["Operator", "a,b c"]
    }
    for (role, status) in [("Operator", 200), ("a,b c", 200), ("operator", 403), ("agent", 403)] {
      let answer = session(#"{"session_id":"s","agent_id":"a","role":"\#(role)"}"#, backend: listing)
      #expect(answer.status == status, "\(role)")
    }
    for role in ["agent", "service", "builder", "operators", "team:build-1", "bâtisseur"] {
      let answer = session(#"{"session_id":"s","agent_id":"a","role":"\#(role)"}"#, backend: backend)
      #expect(answer.status == 200, "\(role)")
    }
  }

  /// It becomes `sub`.
  @Test func aSessionIsNobodyWhoMayLogIn() throws {
    for id in [
      "ops@example.org", "OPS@Example.org", "ops@example.org ", " ops@example.org", #"ops@example.org\n"#,
      #"ops@example.org\u0000"#, #"ops@exam\u00adple.org"#, #"\u200bops@example.org\u0085"#,
    ] {
      let answer = session(#"{"session_id":"\#(id)","agent_id":"a"}"#)
      #expect(answer.status == 400)
      #expect(answer.detail == "session_id is the email of somebody who may log in")
    }
    let hex = String(repeating: "0f", count: 32)
    for id in ["ops", "ops@example.org.", "other@example.org", hex] {
      #expect(session(#"{"session_id":"\#(id)","agent_id":"a"}"#).status == 200, "\(id)")
    }
    let noLogin = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.allowsPasswordLogin = false
    }
    #expect(session(#"{"session_id":"ops@example.org","agent_id":"a"}"#, backend: noLogin).status == 200)
  }

  /// So that compaction knows when to drop it, whatever becomes of the audit.
  @Test func aRevocationTellsWhenItsTokenExpires() throws {
    let token = session(#"{"session_id":"s","agent_id":"a","ttl":1000}"#)
    let claims = try backend.claims(token.string("session_token"))
    let jti = try #require(claims["jti"] as? String)
    for id in [jti, "unknown"] {
      let answer = call("POST", "/revoke", self.token("operator"), #"{"jti":"\#(id)"}"#)
      #expect(answer.status == 200)
      #expect(!answer.text.contains("exp"))
    }
    let lines = try backend.folder.read("revocations.jsonl").split(separator: "\n")
    #expect(lines[0].contains(#""exp":\#(claims["exp"] as? Int ?? 0),"#))
    #expect(!lines[1].contains("exp"))
  }

  @Test func aSessionIsOnRecordHoweverShortItLives() throws {
    #expect(session(#"{"session_id":"brief","agent_id":"a","ttl":60}"#).status == 200)
    let answer = call("GET", "/mints?session_id=brief", token("operator"))
    #expect(answer.text.contains(#""session_id":"brief""#))
  }

  @Test func rolesMayBeNarrowed() throws {
    let backend = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["agent", "builder"]
    }
    let body = #"{"session_id":"s","agent_id":"a""#
    #expect(session(body + "}", backend: backend).status == 200)
    #expect(session(body + #","role":"builder"}"#, backend: backend).status == 200)
    #expect(session(body + #","role":"operator"}"#, backend: backend).status == 403)
  }

  // MARK: - Bearer checks

  @Test func onlyAGoodTokenOfTheRightRoleGetsIn() throws {
    #expect(call("GET", "/mints", token("operator")).status == 200)
    let wrong = call("GET", "/mints", token("agent"))
    #expect(wrong.status == 403)
    #expect(wrong.detail == "Requires one of roles: ['operator']")
    #expect(wrong["www-authenticate"]?.contains("insufficient_scope") == true)
    #expect(call("GET", "/revoked-jtis", token("service")).status == 200)
    #expect(call("GET", "/revoked-jtis", token("operator")).status == 200)
    #expect(call("GET", "/revoked-jtis", token("agent")).status == 403)
    #expect(call("GET", "/mints", token("OPERATOR")).status == 403)

    let none = backend.send("GET", "/mints")
    #expect(none.status == 401)
    #expect(none.detail == "Missing or invalid Authorization header")
    #expect(none["www-authenticate"] == "Bearer scope=\"operator\"")
    let good = token("operator")
    for field in [
      "", "Bearer", "Bearer ", "Basic \(good)", good, "Bearer  \(good)", "Bearer \(good), Bearer \(good)",
      "Bearer \(good) x",
    ] {
      let answer = backend.send("GET", "/mints", fields: [("Authorization", field)])
      #expect(answer.status == 401)
      #expect(answer.detail == "Missing or invalid Authorization header", "\(field.prefix(20))")
    }
    #expect(backend.send("GET", "/mints", fields: [("Authorization", "bearer \(good)")]).status == 200)
    let tampered = call("GET", "/mints", good.dropLast() + (good.last == "A" ? "B" : "A"))
    #expect(tampered.status == 401)
    #expect(tampered.detail.hasPrefix("Invalid token: "))
    backend.clock.advance(86401)
    let expired = call("GET", "/mints", good)
    #expect(expired.status == 401)
    #expect(expired.detail == "Token has expired")
  }

  @Test func aRefreshTokenIsNoBearer() throws {
    let login = try backend.postJSON(
      "/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
    #expect(call("GET", "/mints", login.string("access_token")).status == 200)
    let answer = call("GET", "/mints", login.string("refresh_token"))
    #expect(answer.status == 401)
    #expect(answer.detail.hasPrefix("Invalid token: "))
  }

  // MARK: - Revoking

  @Test func aRevokedTokenIsRefused() throws {
    let (operatorToken, victim) = (token("operator"), token("operator"))
    let victimID = try jti(victim)
    #expect(call("GET", "/mints", victim).status == 200)
    let answer = call("POST", "/revoke", operatorToken, #"{"jti":"\#(victimID)","reason":"lost"}"#)
    #expect(answer.status == 200)
    let entry = try #require(answer.json()["revoked"]?.object)
    #expect(entry["jti"]?.string == victimID)
    #expect(entry["reason"]?.string == "lost")
    #expect(entry["revoked_by"]?.string == "s1")
    #expect(entry["revoked_at"]?.double == 1_700_000_000)
    let refused = call("GET", "/mints", victim)
    #expect(refused.status == 401)
    #expect(refused.detail == "Token revoked (jti=\(victimID))")

    backend.clock.advance(10)
    let again = call("POST", "/revoke", operatorToken, #"{"jti":"\#(victimID)"}"#)
    #expect(again.body == answer.body)
    #expect(call("POST", "/revoke", token("admin"), #"{"jti":"x"}"#).status == 403)
    for (body, detail) in [
      ("{}", "jti required"), (#"{"jti":""}"#, "jti required"), (#"{"jti":5}"#, "jti must be"),
      (#"{"jti":"a","reason":5}"#, "reason must be"),
    ] {
      let bad = call("POST", "/revoke", operatorToken, body)
      #expect(bad.status == 400)
      #expect(bad.detail.contains(detail))
    }
  }

  @Test func theListIsForPollingValidators() throws {
    let (operatorToken, service) = (token("operator"), token("service"))
    let empty = call("GET", "/revoked-jtis", service)
    #expect(try items(empty).isEmpty)
    for id in ["a", "b", "c"] { _ = call("POST", "/revoke", operatorToken, #"{"jti":"\#(id)"}"#) }
    let all = call("GET", "/revoked-jtis", service)
    #expect(try items(all).map { $0["jti"] as? String } == ["c", "b", "a"])
    #expect(try items(all).first.map { Set($0.keys) } == ["jti", "revoked_at", "reason", "revoked_by"])
    let tag = try #require(all["etag"])
    #expect(tag.hasPrefix("\""))
    #expect(tag != empty["etag"])
    let same = call("GET", "/revoked-jtis", service, fields: [("If-None-Match", tag)])
    #expect(same.status == 304)
    #expect(same.body.isEmpty)

    let cursor = all.string("cursor")
    let nothing = call("GET", "/revoked-jtis?since=\(cursor)", service)
    #expect(try items(nothing).isEmpty)
    _ = call("POST", "/revoke", operatorToken, #"{"jti":"d"}"#)
    let new = call("GET", "/revoked-jtis?since=\(cursor)", service)
    #expect(try items(new).map { $0["jti"] as? String } == ["d"])
    #expect(call("GET", "/revoked-jtis", service, fields: [("If-None-Match", tag)]).status == 200)
    #expect(try items(call("GET", "/revoked-jtis?since=nonsense", service)).count == 4)
    #expect(call("GET", "/revoked-jtis?since=a&since=b", service).status == 400)
  }

  @Test func aRevocationThatIsNotOnDiskIsA503() throws {
    let backend = try InProcess {
      $0.fleetSecret = "0123456789-fleet-secret"
      $0.fleetAllowedRoles = ["admin", "agent", "builder", "operator", "OPERATOR", "service", "wallet"]
      $0.mintAuditRequired = false
    }
    let minted = session(#"{"session_id":"s","agent_id":"a","role":"operator"}"#, backend: backend)
    try FileManager.default.createDirectory(
      atPath: backend.folder.file("revocations.jsonl"), withIntermediateDirectories: true)
    let answer = backend.send(
      "POST", "/revoke", fields: [("Authorization", "Bearer \(minted.string("session_token"))")],
      body: Array(#"{"jti":"x"}"#.utf8))
    #expect(answer.status == 503)
    #expect(answer["retry-after"] == "1")
  }

  // MARK: - The mint audit

  @Test func everyMintIsListed() throws {
    let key = try backend.signIn(.init(Ed25519Scheme()))
    _ = token("operator", session: "s9")
    let operatorToken = token("operator")
    let list = try items(call("GET", "/mints", operatorToken))
    try #require(list.map { $0["kind"] as? String } == ["sign", "sign", "refresh", "access"])
    let fleet = list[1]
    #expect(
      Set(fleet.keys) == [
        "jti", "sub", "role", "iat", "exp", "kind", "scope", "agent_id", "session_id", "revoked",
      ])
    #expect(fleet["session_id"] as? String == "s9")
    #expect(fleet["agent_id"] as? String == "a1")
    #expect(fleet["revoked"] as? Bool == false)
    #expect(list[3]["sub"] as? String == key.string("address"))
    #expect(list[3]["jti"] as? String == (try jti(key.string("access_token"))))
  }

  @Test func mintsAreFilteredAndPaged() throws {
    let operatorToken = token("operator", session: "op")
    for number in 0..<5 { _ = token("agent", session: "x\(number)") }
    _ = session(#"{"session_id":"short","agent_id":"a","ttl":400}"#)
    func sessions(_ query: String) throws -> [String] {
      try items(call("GET", "/mints?\(query)", operatorToken)).map {
        try #require($0["session_id"] as? String)
      }
    }
    #expect(try sessions("limit=2") == ["short", "x4"])
    #expect(try sessions("session_id=x2") == ["x2"])
    #expect(try sessions("sub=x%33") == ["x3"])
    #expect(try sessions("role=operator") == ["op"])
    let page = call("GET", "/mints?limit=3", operatorToken)
    let next = call("GET", "/mints?limit=3&before=\(page.string("cursor"))", operatorToken)
    #expect(try items(next).map { $0["session_id"] as? String } == ["x2", "x1", "x0"])
    let last = call("GET", "/mints?limit=3&before=\(next.string("cursor"))", operatorToken)
    #expect(try items(last).map { $0["session_id"] as? String } == ["op"])
    #expect(try last.json()["cursor"] == nil)

    let revoked = try #require(
      try items(call("GET", "/mints?session_id=x4", operatorToken)).first?["jti"] as? String)
    _ = call("POST", "/revoke", operatorToken, #"{"jti":"\#(revoked)"}"#)
    #expect(
      try items(call("GET", "/mints?session_id=x4", operatorToken)).first?["revoked"] as? Bool == true)
    backend.clock.advance(401)
    #expect(try sessions("active=true") == ["x3", "x2", "x1", "x0", "op"])
    #expect(try sessions("active=true&limit=2") == ["x3", "x2"])
    #expect(try sessions("active=false").count == 7)
    for query in ["limit=0", "limit=-1", "limit=x", "limit=", "active=1", "limit=1&limit=2"] {
      #expect(call("GET", "/mints?\(query)", operatorToken).status == 400, "\(query)")
    }
  }

  @Test func aCursorOfNoListOfMintsIsRefused() throws {
    let operatorToken = token("operator")
    for cursor in ["", "nonsense", "1.2.3", "0.0.0"] {
      let answer = call("GET", "/mints?before=\(cursor)", operatorToken)
      #expect(answer.status == 400, "\(cursor)")
      #expect(answer.detail == "before is no cursor of this list")
    }
  }

  @Test func shortMintsAreNotRecorded() throws {
    for (minutes, kinds) in [(4, ["refresh"]), (5, ["refresh", "access"])] {
      let backend = try InProcess { $0.accessTokenMinutes = minutes }
      let login = try backend.postJSON("/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
      let list = try items(
        backend.send(
          "GET", "/mints", fields: [("Authorization", "Bearer \(login.string("access_token"))")]))
      #expect(list.map { $0["kind"] as? String } == kinds)
    }
  }

  @Test func aMintThatCanNotBeRecordedIsRefusedUnlessThatIsAllowed() throws {
    for isRequired in [true, false] {
      let backend = try InProcess {
        $0.fleetSecret = "0123456789-fleet-secret"
        $0.fleetAllowedRoles = ["admin", "agent", "builder", "operator", "OPERATOR", "service", "wallet"]
        $0.mintAuditPath = "/proc/nowhere/mints.jsonl"
        $0.mintAuditRequired = isRequired
      }
      let answer = session(#"{"session_id":"s","agent_id":"a"}"#, backend: backend)
      #expect(answer.status == (isRequired ? 503 : 200))
      let login = try backend.postJSON(
        "/login", #"{"email":"ops@example.org","password":"correct horse"}"#)
      #expect(login.status == (isRequired ? 503 : 200))
    }
  }
}
