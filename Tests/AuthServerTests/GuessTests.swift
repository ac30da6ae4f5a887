import AuthServer
import CGI
import HTTPTypes
import POSIX
import Stores
import TestSupport
import Testing

/// Guesses of passwords and of the fleet secret are slowed down, and nobody is shut out by it.
@Suite struct GuessTests {
  private let server: InProcess
  private static let secret = "0123456789-fleet-secret"

  init() throws { server = try InProcess { $0.fleetSecret = Self.secret } }

  private func login(
    _ password: String, email: String = "ops@example.org", from address: String = "192.0.2.1"
  ) -> HTTPAnswer {
    server.send(
      "POST", "/login", fields: [], body: Array(#"{"email":"\#(email)","password":"\#(password)"}"#.utf8),
      from: address)
  }

  private func right(from address: String = "192.0.2.1", email: String = "ops@example.org") -> Int {
    login("correct horse", email: email, from: address).status
  }

  private func fleet(_ secret: String, from address: String = "192.0.2.1") -> HTTPAnswer {
    server.send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", secret)],
      body: Array(#"{"session_id":"s","agent_id":"a"}"#.utf8), from: address)
  }

  private func text(_ answer: HTTPAnswer) -> String {
    "\(answer.status) \(answer.fields.map { "\($0.0): \($0.1)" }) \(String(decoding: answer.body, as: UTF8.self))"
  }

  // MARK: - Accounts

  @Test func afterFiveWrongPasswordsTheRightOneHasToWait() {
    for _ in 0..<5 { #expect(login("guess").status == 401) }
    #expect(right() == 401)
    server.clock.advance(1.1)
    #expect(right() == 200)
  }

  @Test func theDelayGrowsToAQuarterOfAnHour() {
    for number in 0..<5 { #expect(login("guess", from: "198.51.100.\(number)").status == 401) }
    var delay = 1.0
    for number in 0..<14 {
      server.clock.advance(delay - 0.1)
      #expect(right(from: "203.0.113.\(number)") == 401, "after \(delay) s")
      server.clock.advance(0.2)
      #expect(login("guess", from: "203.0.113.\(number)").status == 401)
      delay = min(delay * 2, 900)
    }
    server.clock.advance(900.1)
    #expect(right() == 200)
  }

  @Test func slowedAndWrongAndUnknownAreTheSameByteForByte() throws {
    let wrong = text(login("guess"))
    for _ in 0..<10 { #expect(text(login("guess")) == wrong) }
    #expect(text(login("correct horse")) == wrong, "the right password, slowed")
    for _ in 0..<10 { #expect(text(login("guess", email: "nobody@example.org")) == wrong) }
    #expect(wrong.contains("invalid credentials"))
    let kinds = Set(
      try server.stores.throttles.list().filter { $0.subject.kind == .account }.map(\.subject.name))
    #expect(kinds == ["ops@example.org", "nobody@example.org"], "unknown accounts are counted too")
  }

  @Test func theCaseOfAnEmailDoesNotHelp() {
    for email in [
      "ops@example.org", "OPS@example.org", "Ops@Example.Org", "oPS@example.org", "opS@example.ORG",
    ] {
      #expect(login("guess", email: email, from: "198.51.100.7").status == 401)
    }
    #expect(right() == 401)
  }

  @Test func rightPasswordsAreNotCounted() throws {
    for _ in 0..<100 { #expect(right() == 200) }
    #expect(try server.stores.throttles.list().isEmpty)
  }

  @Test func badRequestsAreNotGuesses() {
    for _ in 0..<20 {
      #expect(
        server.send("POST", "/login", body: Array(#"{"email":"ops@example.org","password":7}"#.utf8)).status
          == 400)
    }
    #expect(right(from: "127.0.0.1") == 200)
  }

  // MARK: - Addresses

  @Test func anAddressIsSlowedOverAllAccounts() {
    for number in 0..<20 { #expect(login("guess", email: "\(number)@example.org").status == 401) }
    #expect(right() == 401)
    #expect(right(from: "192.0.2.2") == 200)
  }

  @Test func anIPv6NetworkIsOneClient() {
    for number in 0..<20 {
      #expect(
        login("guess", email: "\(number)@example.org", from: "2001:db8:0:1::\(number + 1)").status == 401)
    }
    #expect(right(from: "2001:db8:0:1:ffff::1") == 401)
    #expect(right(from: "2001:db8:0:2::1") == 200, "another /64")
    // A /56 has two shares, and a /48 four.
    for number in 0..<20 {
      #expect(
        login("guess", email: "x\(number)@example.org", from: "2001:db8:0:3::\(number + 1)").status == 401)
    }
    #expect(right(from: "2001:db8:0:4::1") == 401, "another /64 of the same /56")
    #expect(right(from: "2001:db8:0:100::1") == 200, "another /56 of the same /48")
    #expect(right(from: "2001:db8:1::1") == 200, "another /48")
  }

  @Test func withoutAnAddressTheAccountCounts() {
    for _ in 0..<5 { #expect(login("guess", from: "").status == 401) }
    #expect(right(from: "") == 401)
    server.clock.advance(1.1)
    #expect(right(from: "") == 200)
  }

  @Test func aClientCannotChooseItsAddress() {
    for number in 0..<20 {
      let answer = server.send(
        "POST", "/login", fields: [("X-Forwarded-For", "203.0.113.\(number)")],
        body: Array(#"{"email":"\#(number)@example.org","password":"guess"}"#.utf8), from: "192.0.2.1")
      #expect(answer.status == 401)
    }
    #expect(right() == 401)
  }

  // MARK: - Nobody is shut out

  /// 10,000 guesses from 1,000 addresses, from four threads.
  @Test func whoHasSignedInGetsInWhileOthersGuess() throws {
    #expect(right(from: "192.0.2.1") == 200)
    let statuses = try concurrently(4) { worker in
      (0..<2500).map { number in
        login("guess", from: "10.\(worker).\(number % 250).1").status
      }
    }
    #expect(statuses.flatMap { $0 }.allSatisfy { $0 == 401 })
    #expect(right(from: "198.51.100.1") == 401, "a new address waits")
    for _ in 0..<20 { #expect(right(from: "192.0.2.1") == 200) }
  }

  @Test func howeverManySignInsFollowFromElsewhereAnAddressIsRemembered() {
    #expect(right(from: "203.0.113.7") == 200)
    for _ in 0..<270 { #expect(right(from: "100.64.0.9") == 200) }
    for number in 0..<20 { #expect(login("guess", from: "198.51.100.\(number)").status == 401) }
    #expect(right(from: "203.0.113.7") == 200)
  }

  @Test func anAddressIsRememberedAsLongAsASessionCanLast() {
    #expect(right(from: "192.0.2.1") == 200)
    #expect(right(from: "192.0.2.2") == 200)
    func guess() { for number in 0..<8 { _ = login("guess", from: "198.51.100.\(number)") } }
    server.clock.advance(Double(server.settings.sessionMaximumDays * 86400 - 60))
    guess()
    #expect(right(from: "192.0.2.1") == 200)
    server.clock.advance(120)
    guess()
    #expect(right(from: "192.0.2.1") == 200, "the last sign-in counts")
    #expect(right(from: "192.0.2.2") == 401)
  }

  /// Whether there is an account, and how many sessions it has, doesn't change what a slowed attempt costs.
  @Test func aSlowedAttemptReadsNoSessions() throws {
    #expect(right(from: "192.0.2.1") == 200)
    for name in ["sessions.dat", "sessions.dat.subjects"] {
      try Files.remove(server.folder.file(name))
      try server.folder.write(name, "another program's")
    }
    for _ in 0..<10 { #expect(login("guess", from: "198.51.100.1").status == 401) }
  }

  @Test func aGuesserBehindTheSameAddressIsSlowedToo() throws {
    #expect(right() == 200)
    for _ in 0..<60 { #expect(login("guess").status == 401) }
    #expect(right() == 401)
    // A few seconds later at the latest, the right password passes.
    server.clock.advance(4.1)
    #expect(right() == 200)
  }

  @Test func aSignInCountsForItsOwnAddressOnly() {
    #expect(right(from: "192.0.2.9") == 200)
    for number in 0..<6 { #expect(login("guess", from: "198.51.100.\(number)").status == 401) }
    #expect(right(from: "192.0.2.1") == 401, "another address")
    #expect(right(from: "192.0.2.9") == 200)
  }

  @Test func aSignInFromTheSameIPv6NetworkCounts() {
    #expect(right(from: "2001:db8:0:1::1") == 200)
    for number in 0..<6 { #expect(login("guess", from: "198.51.100.\(number)").status == 401) }
    #expect(right(from: "2001:db8:0:1:abcd::9") == 200)
    #expect(right(from: "2001:db8:0:2::1") == 401)
  }

  // MARK: - The fleet

  @Test func theFleetSecretIsSlowedByAddressOnly() {
    let wrong = text(fleet("guess"))
    for _ in 0..<30 { #expect(text(fleet("guess")) == wrong) }
    #expect(text(fleet(Self.secret)) == wrong, "the right secret, slowed")
    #expect(fleet(Self.secret, from: "192.0.2.2").status == 200, "the fleet at its own address")
    #expect(right() == 200, "logins are counted apart")
    server.clock.advance(61)
    #expect(fleet(Self.secret).status == 200)
  }

  // MARK: - The store

  @Test func withoutTheFileNobodyIsChecked() throws {
    try server.folder.write("throttle.dat", "another program's")
    for answer in [login("guess"), login("correct horse"), fleet(Self.secret)] {
      #expect(answer.status == 503)
      #expect(answer["retry-after"] != nil)
      #expect(!String(decoding: answer.body, as: UTF8.self).contains("throttle"))
    }
    #expect(server.log.messages.contains { $0.contains("throttle.dat") })
    #expect(server.send("GET", "/jwks").status == 200)
  }

  /// A right secret that passed would tell a guesser more than the 503 of all wrong ones.
  @Test func whereNoFileCanBeMadeNothingIsCompared() throws {
    let server = try InProcess {
      $0.fleetSecret = Self.secret
      $0.throttlePath = "/proc/nowhere/throttle.dat"
    }
    for secret in ["guess", Self.secret] {
      let answer = server.send(
        "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", secret)],
        body: Array(#"{"session_id":"s","agent_id":"a"}"#.utf8))
      #expect(answer.status == 503)
    }
  }

  @Test func anOperatorCanForgetFailures() throws {
    for _ in 0..<5 { #expect(login("guess").status == 401) }
    #expect(right() == 401)
    #expect(try server.stores.throttles.clear([GuessLimits.subject(account: "Ops@example.org")]) == 1)
    #expect(right() == 200)
  }
}
