import CGI
import Foundation
import POSIX
import TestSupport
import Testing
import Wallets

@testable import AuthServer

/// What a flood leaves of the log.
@Suite struct RefusalLogTests {
  @Test func aFloodHidesNobodyElse() throws {
    let backend = try InProcess()
    func fail(_ address: String) -> HTTPAnswer {
      backend.send(
        "POST", "/refresh", fields: [], body: Array(#"{"refresh_token":"x"}"#.utf8), from: address)
    }
    // The seconds of the process go on meanwhile, so the flood may have some lines more.
    for number in 0..<3000 { #expect(fail("2001:db8::\(String(number, radix: 16))").status == 401) }
    #expect(fail("192.0.2.7").status == 401)
    let lines = backend.log.messages.filter { $0.contains("refused") }
    #expect(lines.count { $0.contains("2001:db8::") } < 300)
    #expect(lines.contains { $0.contains("192.0.2.7") })
  }

  @Test func whatIsLeftOutIsCounted() {
    let clock = ManualClock()
    let budget = LineBudget(total: 5, each: 2) { UInt64(clock.clock.now) * 1_000_000_000 }
    let clients = (1...3).map { NetworkAddress("192.0.2.\($0)") }
    #expect((0..<10).compactMap { _ in budget.take(for: clients[0]) } == [0, 0])
    #expect(budget.take(for: clients[1]) == 0)
    // Those without an address count together, and so do addresses of one IPv6 network.
    #expect((0..<10).compactMap { _ in budget.take(for: nil) } == [0, 0])
    #expect(budget.take(for: clients[2]) == nil)
    clock.advance(1)
    #expect(budget.take(for: clients[2]) == 17)
    #expect((1...9).compactMap { budget.take(for: NetworkAddress("2001:db8::\($0)")) } == [0, 0])
    #expect(budget.take(for: NetworkAddress("2001:db8:0:1::1")) == 0)
    clock.advance(1)
    #expect(budget.take(for: nil) == 7)
    #expect(budget.take(for: nil) == 0)
  }

  /// Whoever has a /48 has thousands of networks that clients are otherwise told by.
  @Test func manyNetworksOfOneClientLeaveLinesForOthers() {
    let budget = LineBudget(total: 100, each: 5) { 1_000_000_000 }
    func lines(_ address: (Int) -> String) -> Int {
      (0..<200).count { budget.take(for: NetworkAddress(address($0))) != nil }
    }
    #expect(lines { "2001:db8:1:\(String($0, radix: 16))::1" } == 10)
    #expect(lines { "2001:db8:1:\(String($0, radix: 16))00::1" } == 10)
    #expect(lines { "2001:db8:2:\($0)::1" } == 20)
    #expect(lines { _ in "192.0.2.7" } == 5)
  }

  /// A full disk isn't filled with lines about it.
  @Test func failuresThatAnybodyCanCauseAreLimited() throws {
    let backend = try InProcess { $0.challengePath = "/proc/nowhere/challenges.jsonl" }
    for _ in 0..<1000 {
      #expect(backend.send("POST", "/challenge", body: Array(#"{"address":"aa"}"#.utf8)).status == 503)
    }
    let lines = backend.log.messages.filter { $0.contains("store unavailable") }
    #expect((1..<200).contains(lines.count), "\(lines.count)")
  }

  /// Whoever reaches `verify` chooses its query.
  @Test func aQueryIsNotRepeatedAndFillsNoLog() throws {
    let backend = try InProcess()
    for number in 0..<1000 {
      #expect(backend.send("GET", "/verify?evil\(number)=1").status == 403)
      #expect(backend.send("GET", "/verify?role=,").status == 403)
    }
    let lines = backend.log.messages
    #expect(lines.allSatisfy { !$0.contains("evil") })
    #expect(lines.contains { $0.contains("unclear requirement") && $0.contains("query") })
    #expect(lines.count < 400, "\(lines.count)")
  }

  /// A web server's own parameter is named: an administrator has to find it.
  @Test func aParameterOfTheWebServerIsNamed() throws {
    let backend = try InProcess()
    for (name, value) in [("PICO_AUTH_REQUIRE_ROLES", "x"), ("PICO_AUTH_REQUIRE_GROUP", ",")] {
      var variables = MetaVariables()
      name.withBytes { name in value.withBytes { variables.add(name: name, value: $0) } }
      #expect(backend.server.authorize(Request(variables: variables)).status == .forbidden)
      #expect(backend.log.messages.contains { $0.contains(name) }, "\(backend.log.messages)")
    }
  }

  /// Where tokens are issued without a record, each of them could have a line.
  @Test func tokensWithoutARecordFillNoLog() throws {
    let backend = try InProcess {
      $0.mintAuditRequired = false
      $0.mintAuditPath = "/proc/nowhere/mints.jsonl"
    }
    let refresh = try backend.signIn(try WalletKey(Ed25519Scheme())).string("refresh_token")
    for _ in 0..<200 {
      #expect(try backend.postJSON("/refresh", #"{"refresh_token":"\#(refresh)"}"#).status == 200)
    }
    let lines = backend.log.messages.filter { $0.contains("issued without a record") }
    #expect((1..<100).contains(lines.count), "\(lines.count)")
  }
}

extension String {
  fileprivate func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
    var text = self
    text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
