import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Stores

@Suite struct ChallengeStoreTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()

  /// A store as another process would have it: nothing in common but the files.
  private func store(limit: Int = 1000) -> JSONLChallengeStore {
    JSONLChallengeStore(
      path: folder.file("challenges.jsonl"), lifetime: 60, limit: limit, clock: clock.clock,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  private var path: String { folder.file("challenges.jsonl") }

  @Test func aChallengeIsGoodOnceInEveryProcess() throws {
    let challenge = try store().create(for: "abc")
    #expect(challenge.utf8.count == 64)
    #expect(challenge.allSatisfy { "0123456789abcdef".contains($0) })
    #expect(try store().consume(challenge, for: "abc"))
    #expect(try !store().consume(challenge, for: "abc"))
  }

  @Test func itIsBoundToItsAddressWhateverTheSpelling() throws {
    let store = store()
    let challenge = try store.create(for: "0xABCD")
    #expect(try !store.consume(challenge, for: "abce"))
    #expect(try store.consume(challenge, for: "abcd"))
  }

  @Test func askingAgainVoidsNothing() throws {
    let store = store()
    let first = try store.create(for: "abc")
    let second = try store.create(for: "abc")
    #expect(first != second)
    #expect(try store.consume(first, for: "abc"))
    #expect(try store.consume(second, for: "abc"))
  }

  @Test func itExpires() throws {
    let store = store()
    let inTime = try store.create(for: "a")
    let late = try store.create(for: "a")
    clock.advance(59.9)
    #expect(try store.consume(inTime, for: "a"))
    clock.advance(0.2)
    #expect(try !store.consume(late, for: "a"))
  }

  @Test func anythingElseIsUnknown() throws {
    let store = store()
    let challenge = try store.create(for: "a")
    for text in [
      "", "0", challenge.uppercased(), "0x" + challenge, challenge + "00", String(challenge.dropLast()),
      String(repeating: "0", count: 64), String(repeating: "z", count: 64), " " + challenge,
    ] {
      #expect(try !store.consume(text, for: "a"), "\(text)")
    }
    for position in 0..<64 {
      var flipped = Array(challenge.utf8)
      flipped[position] = flipped[position] == 0x30 ? 0x31 : 0x30
      #expect(try !store.consume(String(decoding: flipped, as: UTF8.self), for: "a"))
    }
    #expect(try store.consume(challenge, for: "a"))
  }

  /// The position in a challenge must tell nothing: how many were made, or which were made together.
  @Test func challengesOfOneMomentHaveNothingInCommon() throws {
    let store = store()
    let tails = try (0..<256).map { _ in try store.create(for: "a").suffix(16) }
    for column in 0..<16 {
      let digits = Set(tails.map { Array($0)[column] })
      #expect(digits.count > 8, "column \(column)")
    }
  }

  @Test func ofManyAttemptsAtOnceOneSucceeds() throws {
    let stores = (0..<4).map { _ in store() }
    for _ in 0..<20 {
      let challenge = try stores[0].create(for: "a")
      let wins = try concurrently(16) { try stores[$0 % 4].consume(challenge, for: "a") }
      #expect(wins.count { $0 } == 1)
    }
  }

  @Test func manyWritersAtOnceLoseNothing() throws {
    let stores = (0..<4).map { _ in store(limit: 100_000) }
    let challenges = try concurrently(8) { number in
      try (0..<200).map { _ in try stores[number % 4].create(for: "a") }
    }.flatMap(\.self)
    #expect(Set(challenges).count == 1600)
    for challenge in challenges { #expect(try stores[3].consume(challenge, for: "a")) }
  }

  @Test func theLimitCountsWhatIsPending() throws {
    let store = store(limit: 3)
    let challenges = try (0..<3).map { _ in try store.create(for: "a") }
    let error = #expect(throws: StoreError.self) { try store.create(for: "b") }
    #expect(error?.retryAfter == 60)
    #expect(try store.consume(challenges[0], for: "a"))
    _ = try store.create(for: "b")
    #expect(throws: StoreError.self) { try store.create(for: "b") }
    clock.advance(60.1)
    for _ in 0..<3 { _ = try store.create(for: "c") }
    #expect(throws: StoreError.self) { try store.create(for: "c") }
  }

  @Test func theLimitHoldsWhileFilesRotate() throws {
    let store = store(limit: 10)
    // A challenge every 10 s, each good for 60 s: six are pending at any time, for ever.
    for _ in 0..<100 {
      _ = try store.create(for: "a")
      clock.advance(10)
    }
  }

  @Test func filesRotateAndStaySmall() throws {
    let store = store()
    var pending: [(challenge: String, made: Int)] = []
    for second in 0..<600 {
      pending.append((try store.create(for: "a"), second))
      clock.advance(1)
      if second % 50 == 40 {
        // Whatever is younger than a minute is good, in whichever file it stands.
        let young = pending.filter { second + 1 - $0.made < 60 }
        for entry in young { #expect(try store.consume(entry.challenge, for: "a")) }
        pending = []
      }
    }
    for name in ["challenges.jsonl", "challenges.jsonl.1"] {
      #expect(try folder.read(name).utf8.count < 200 * 130, "\(name)")
    }
  }

  @Test func everyLineOfTheFileIsJSON() throws {
    let store = store()
    for _ in 0..<5 { _ = try store.create(for: "a") }
    for line in try folder.read("challenges.jsonl").split(separator: "\n") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
      #expect(object is [String: Any])
    }
  }

  @Test func aTornRecordIsSetAsideAndTheOthersStay() throws {
    let whole = try store().create(for: "a")
    let complete = try folder.read("challenges.jsonl")
    _ = try store().create(for: "a")
    let both = try folder.read("challenges.jsonl")
    for cut in complete.utf8.count + 1..<both.utf8.count {
      try folder.write("challenges.jsonl", String(both.prefix(cut)))
      let next = try store().create(for: "b")
      #expect(try store().consume(next, for: "b"))
      let size = try folder.read("challenges.jsonl").utf8.count
      #expect(size == both.utf8.count)
    }
    #expect(try store().consume(whole, for: "a"))
    let aside = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.contains(".torn-") }
    #expect(!aside.isEmpty)
  }

  @Test func removedFilesAreMadeAnew() throws {
    let store = store()
    let challenge = try store.create(for: "a")
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      try FileManager.default.removeItem(atPath: folder.file(name))
    }
    #expect(try !store.consume(challenge, for: "a"))
    let next = try store.create(for: "a")
    #expect(try self.store().consume(next, for: "a"))
  }

  @Test func aDamagedFileIsSetAsideAndANewOneBegun() throws {
    for name in ["challenges.jsonl", "challenges.jsonl.1"] {
      let store = store()
      for _ in 0..<3 {
        _ = try store.create(for: "a")
        clock.advance(61)
      }
      var bytes = Array(try folder.read(name).utf8)
      bytes[20] ^= 1
      try folder.write(name, bytes: bytes)
      let challenge = try self.store().create(for: "a")
      #expect(try self.store().consume(challenge, for: "a"))
      #expect(FileManager.default.fileExists(atPath: folder.file("\(name).bad-\(clock.clock.seconds)")))
    }
  }

  @Test func aDamagedLastRecordHoldsUpNoRotation() throws {
    let real = Date().timeIntervalSince1970
    clock.advance(real - clock.clock.now)
    let store = store()
    _ = try store.create(for: "a")
    clock.advance(61)
    _ = try store.create(for: "a")
    var bytes = Array(try folder.read("challenges.jsonl.1").utf8)
    bytes[bytes.count - 20] ^= 1
    try folder.write("challenges.jsonl.1", bytes: bytes)
    for _ in 0..<20 {
      clock.advance(61)
      _ = try self.store().create(for: "a")
    }
    #expect(try folder.read("challenges.jsonl").utf8.count < 1000)
  }

  @Test func aClockThatWasWrongForAWhileLeavesNothingBehind() throws {
    let store = store()
    clock.advance(2_000_000_000)
    let early = try store.create(for: "a")
    clock.advance(-2_000_000_000)
    #expect(try !store.consume(early, for: "a"))
    for _ in 0..<20 {
      let challenge = try store.create(for: "a")
      #expect(try store.consume(challenge, for: "a"))
      clock.advance(61)
    }
    #expect(try folder.read("challenges.jsonl").utf8.count < 1000)
    clock.advance(-1_000_000_000)
    #expect(throws: StoreError.self) { try store.create(for: "a") }
  }

  @Test func aFileOthersCouldWriteIsRefused() throws {
    _ = try store().create(for: "a")
    chmod(path, 0o666)
    #expect(throws: StoreError.self) { try store().create(for: "a") }
    chmod(path, 0o600)
    _ = try store().create(for: "a")
  }

  @Test func aSymbolicLinkIsNotFollowed() throws {
    let target = try folder.write("target", "important\n")
    symlink(target, path)
    #expect(throws: StoreError.self) { try store().create(for: "a") }
    #expect(try folder.read("target") == "important\n")
  }
}
