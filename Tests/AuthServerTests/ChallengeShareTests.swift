import Foundation
import TestSupport
import Testing

/// A client that asks for as many challenges as it gets.
@Suite struct ChallengeShareTests {
  private func ask(_ backend: InProcess, from address: String) -> HTTPAnswer {
    backend.send("POST", "/challenge", fields: [], body: Array(#"{"address":"aa"}"#.utf8), from: address)
  }

  @Test(arguments: [
    { @Sendable (_: Int) in "192.0.2.66" },
    { @Sendable (number: Int) in "2001:db8::\(String(number, radix: 16))" },
  ])
  func oneClientLeavesRoomForOthers(_ attacker: @Sendable (Int) -> String) throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 200 }
    let taken = (0..<400).count { ask(backend, from: attacker($0)).status == 200 }
    #expect((100..<150).contains(taken), "\(taken)")
    let refused = ask(backend, from: attacker(400))
    #expect(refused.status == 503)
    #expect(refused["retry-after"] == "60")
    for number in 0..<20 {
      #expect(ask(backend, from: "198.51.100.\(number)").status == 200)
      #expect(ask(backend, from: "2001:db8:1:\(number)::1").status == 200)
    }
  }

  /// With room for all, anybody has as many as they ask for.
  @Test func belowHalfOfTheLimitNobodyIsRefused() throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 1000 }
    #expect((0..<490).allSatisfy { _ in ask(backend, from: "192.0.2.66").status == 200 })
  }

  /// The limit is for all together.
  @Test func manyClientsMeetTheLimit() throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 200 }
    let taken = (0..<300).count { ask(backend, from: "198.51.\($0 / 100).\($0 % 100)").status == 200 }
    #expect(taken == 200)
  }

  /// Whoever has a /48 network has 65,536 of the networks that a client is otherwise told by.
  @Test(arguments: [48, 56])
  func manyNetworksOfOneClientLeaveRoomForOthers(_ bits: Int) throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 1000 }
    for _ in 0..<600 { _ = ask(backend, from: "192.0.2.66") }
    let networks = bits == 48 ? 400 : 200
    let taken = (0..<700).count {
      ask(backend, from: "2001:db8:1:\(String($0 % networks, radix: 16))::1").status == 200
    }
    #expect((16..<250).contains(taken), "\(taken)")
    // The client's neighbours have what is left.
    for number in 0..<100 {
      #expect(ask(backend, from: "198.51.100.\(number)").status == 200)
      #expect(ask(backend, from: "2001:db8:\(number + 2)::1").status == 200)
    }
  }
}
