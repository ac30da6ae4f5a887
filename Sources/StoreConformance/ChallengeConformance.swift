import POSIX
import Stores

/// The parameters with which a check opens a store of challenges.
public struct ChallengeStoreOptions: Sendable {
  /// How long a challenge is valid. Seconds.
  public let lifetime: Int
  /// How many challenges may be pending, all addresses together.
  public let limit: Int
  /// The store's time of day. A check moves it.
  public let clock: Clock
}

extension Conformance {
  /// Checks a ``ChallengeStore``.
  /// - Parameter make: makes an empty store with these options and returns the function that opens it.
  /// - Throws: ``ConformanceFailure``, and what the store or `make` throws.
  public static func checkChallenges(
    _ make: (ChallengeStoreOptions) throws -> Opener<any ChallengeStore>
  ) throws {
    let time = Monitor(1_700_000_000.0)
    let clock = Clock { time.withLock { $0 } }
    func open(limit: Int = 10_000) throws -> Opener<any ChallengeStore> {
      try make(ChallengeStoreOptions(lifetime: 60, limit: limit, clock: clock))
    }
    try checkForm(try open()())
    try checkOnce(try open())
    try checkAddress(try open()())
    try checkParallelUse(try open())
    try checkParallelMaking(try open())

    let expiring = try open()()
    let early = try expiring.create(for: "a")
    let late = try expiring.create(for: "a")
    time.withLock { $0 += 59 }
    try require(try expiring.consume(early, for: "a"), "a challenge is valid for its whole lifetime")
    time.withLock { $0 += 2 }
    try require(try !expiring.consume(late, for: "a"), "a challenge expires")

    let limited = try open(limit: 2)()
    let first = try limited.create(for: "a")
    _ = try limited.create(for: "b")
    try require(refuses(limited), "beyond the limit create throws StoreError")
    _ = try limited.consume(first, for: "a")
    _ = try limited.create(for: "c")
    try require(refuses(limited), "a used challenge makes room for one, not for more")
    time.withLock { $0 += 61 }
    _ = try limited.create(for: "d")
  }

  private static func refuses(_ store: any ChallengeStore) throws -> Bool {
    do {
      _ = try store.create(for: "x")
      return false
    } catch is StoreError {
      return true
    }
  }

  private static func checkForm(_ store: any ChallengeStore) throws {
    let challenges = try (0..<100).map { _ in try store.create(for: "a") }
    for challenge in challenges {
      let isHex = challenge.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
      try require(challenge.utf8.count == 64 && isHex, "a challenge is 64 lower-case hex digits")
    }
    try require(Set(challenges).count == challenges.count, "no two challenges are equal")
  }

  private static func checkOnce(_ open: Opener<any ChallengeStore>) throws {
    let challenge = try open().create(for: "a")
    try require(try open().consume(challenge, for: "a"), "a challenge is valid in every process")
    try require(try !open().consume(challenge, for: "a"), "a challenge can be used once")
    let nothing = String(repeating: "0", count: 64)
    for text in ["", "x", nothing, challenge + "0", challenge.uppercased() + " "] {
      try require(try !open().consume(text, for: "a"), "a challenge that was never made is refused")
    }
  }

  private static func checkAddress(_ store: any ChallengeStore) throws {
    let first = try store.create(for: "0xABCD")
    let second = try store.create(for: "abcd")
    try require(try !store.consume(first, for: "abce"), "a challenge is bound to its address")
    try require(try store.consume(first, for: "abcd"), "case and 0x of an address don't matter")
    try require(try store.consume(second, for: "0XABCD"), "a later challenge doesn't void an earlier one")
  }

  private static func checkParallelUse(_ open: Opener<any ChallengeStore>) throws {
    let stores = [try open(), try open()]
    for _ in 0..<20 {
      let challenge = try stores[0].create(for: "a")
      let accepted = try inParallel(16) { try stores[$0 % 2].consume(challenge, for: "a") }
      try require(accepted.count { $0 } == 1, "of many concurrent uses exactly one succeeds")
    }
  }

  private static func checkParallelMaking(_ open: Opener<any ChallengeStore>) throws {
    let stores = [try open(), try open()]
    let made = try inParallel(8) { number in
      try (0..<50).map { _ in try stores[number % 2].create(for: "a") }
    }.flatMap { $0 }
    for challenge in made {
      try require(try stores[0].consume(challenge, for: "a"), "no challenge is lost when many threads write")
    }
  }
}
