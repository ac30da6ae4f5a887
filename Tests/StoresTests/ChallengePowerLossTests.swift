import Foundation
import Logging
import TestSupport
import Testing

@testable import POSIX
@testable import Stores

/// What a power failure makes of the files of challenges: blocks that read as NULs, changes that never arrived.
@Suite struct ChallengePowerLossTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()
  private let log = LogRecorder()

  /// A store as another process would have it: nothing in common but the files.
  private func store(limit: Int = 1000) -> JSONLChallengeStore {
    JSONLChallengeStore(
      path: folder.file("challenges.jsonl"), lifetime: 60, limit: limit, clock: clock.clock,
      logger: log.logger)
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
  }

  private func setAside() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains(".bad-") }
  }

  /// Overwrites some records of a file, counted from 0.
  private func punch(_ records: some Sequence<Int>, into name: String) throws {
    var bytes = try bytes(name)
    for record in records {
      let start = ChallengeFile.offset(of: record)
      for offset in start..<start + ChallengeRecord.width { bytes[offset] = 0 }
    }
    try folder.write(name, bytes: bytes)
  }

  // MARK: - A header that never arrived

  @Test(arguments: ["challenges.jsonl", "challenges.jsonl.1"], [512, 4096, Int.max])
  func aFirstBlockOfNULsIsSetAside(_ name: String, _ blockSize: Int) throws {
    for _ in 0..<2 {
      for _ in 0..<40 { _ = try store().create(for: "a") }
      clock.advance(61)
    }
    _ = try store().create(for: "a")
    var bytes = try bytes(name)
    for offset in 0..<min(blockSize, bytes.count) { bytes[offset] = 0 }
    try folder.write(name, bytes: bytes)
    let challenge = try store().create(for: "a")
    #expect(try store().consume(challenge, for: "a"))
    #expect(try setAside() == ["\(name).bad-\(clock.clock.seconds)"])
  }

  @Test func aFileShorterThanAHeaderAndAllNULsIsSetAside() throws {
    for size in [1, 8, 100, ChallengeFileHeader.width - 1] {
      try folder.write("challenges.jsonl", bytes: [UInt8](repeating: 0, count: size))
      clock.advance(1)
      let challenge = try store().create(for: "a")
      #expect(try store().consume(challenge, for: "a"), "\(size)")
    }
    #expect(try setAside().count == 4)
  }

  @Test func aFileOfSomebodyElsesMakingIsLeftAlone() throws {
    let nuls = [UInt8](repeating: 0, count: 200)
    for content in [Array("x".utf8), Array("important\n".utf8), nuls + Array("important\n".utf8)] {
      try folder.write("challenges.jsonl", bytes: content)
      #expect(throws: StoreError.self) { try store().create(for: "a") }
      #expect(try bytes("challenges.jsonl") == content)
    }
  }

  // MARK: - Another boot

  /// Makes a file one of another boot, as far as it tells.
  private func age(_ name: String) throws {
    let text = try folder.read(name)
    let start = try #require(text.range(of: #""boot":""#)).upperBound
    let end = text.index(start, offsetBy: 36)
    let other = "11111111-2222-3333-4444-555555555555"
    #expect(String(text[start..<end]) != other)
    try folder.write(name, text.replacingCharacters(in: start..<end, with: other))
  }

  @Test func challengesOfAnEarlierBootAreVoid() throws {
    let unused = try store().create(for: "a")
    let used = try store().create(for: "a")
    #expect(try store().consume(used, for: "a"))
    // The change of `live` to `used` never reached the disk.
    let text = try folder.read("challenges.jsonl").replacingOccurrences(of: #""used"}"#, with: #""live"}"#)
    try folder.write("challenges.jsonl", text)
    try age("challenges.jsonl")
    for challenge in [used, unused] { #expect(try !store().consume(challenge, for: "a")) }
    let next = try store().create(for: "a")
    #expect(try store().consume(next, for: "a"))
    #expect(try !store().consume(used, for: "a"))
    #expect(log.messages.contains { $0.contains("earlier boot") })
    #expect(try setAside().isEmpty)
  }

  @Test func anOlderFileOfAnEarlierBootIsVoidToo() throws {
    _ = try store().create(for: "a")
    clock.advance(40)
    let challenge = try store().create(for: "a")
    clock.advance(21)
    _ = try store().create(for: "a")
    try age("challenges.jsonl.1")
    #expect(try !store().consume(challenge, for: "a"))
    // It holds up no rotation, and the current file's are good.
    for _ in 0..<5 {
      let next = try store().create(for: "a")
      #expect(try store().consume(next, for: "a"))
      clock.advance(61)
    }
    #expect(try bytes("challenges.jsonl").count < 1000)
  }

  @Test func oneBootsFilesAreKeptOverRestarts() throws {
    let challenge = try store().create(for: "a")
    let file = try bytes("challenges.jsonl")
    #expect(try store().consume(challenge, for: "a"))
    #expect(try bytes("challenges.jsonl").count == file.count)
  }

  /// A file of version 1441487, which knew nothing of boots.
  @Test(arguments: ["challenges.jsonl", "challenges.jsonl.1"])
  func aFileOfTheEarlierFormIsOfAnotherBoot(_ name: String) throws {
    let header =
      #"{"file":"challenges","version":1,"generation":"0000000000000007","mask":""#
      + String(repeating: "ab", count: 32) + #"","used":"0000000000000000"}"# + "\n"
    let record =
      #"{"random":""# + String(repeating: "01", count: 24) + #"","address":""#
      + String(repeating: "02", count: 32) + #"","expires_ms":1700000059000,"state":"live"}"# + "\n"
    try folder.write(name, header + record)
    let file = try #require(StoreFile.all(.challenges, path: folder.file("challenges.jsonl")).last)
    #expect(file.bad.count == 0 && file.records == 1)
    let challenge = try store().create(for: "a")
    #expect(try store().consume(challenge, for: "a"))
    #expect(try setAside().isEmpty)
  }

  /// A store in a process that can't tell which boot this is.
  private var bootlessStore: JSONLChallengeStore {
    JSONLChallengeStore(
      path: folder.file("challenges.jsonl"), lifetime: 60, limit: 1000, boot: nil, clock: clock.clock,
      logger: log.logger)
  }

  /// A process that sees the boot's id and one that doesn't can share the files all the same.
  @Test func whereNothingTellsTheBootChallengesAreGoodInEveryProcess() throws {
    let early = try store().create(for: "a")
    let challenge = try bootlessStore.create(for: "a")
    #expect(try !bootlessStore.consume(early, for: "a"))
    #expect(log.messages.contains { $0.contains("no boot id") })
    for _ in 0..<5 {
      for (maker, taker) in [(store(), bootlessStore), (bootlessStore, store())] {
        let challenge = try maker.create(for: "a")
        #expect(try taker.consume(challenge, for: "a"))
        #expect(try !maker.consume(challenge, for: "a"))
      }
      clock.advance(61)
    }
    #expect(try !store().consume(challenge, for: "a"))
  }

  @Test func aBootIDIsReadWhole() throws {
    #expect(BootID.current?.utf8.count == 36)
    for (text, isOne) in [
      ("0b6c1d2e-1111-4222-8333-444455556666\n", true), ("", false), ("0b6c1d2e-1111-4222", false),
      ("0b6c1d2e-1111-4222-8333-44445555666\"", false),
    ] {
      #expect((BootID.read(try folder.write("id", text)) != nil) == isOne, "\(text)")
    }
    #expect(BootID.read(folder.file("none")) == nil)
  }

  // MARK: - Records that never arrived

  @Test func aHoleAnywhereStopsNothing() throws {
    let count = 9
    for hole in 0..<1 << count {
      let holes = (0..<count).filter { hole >> $0 & 1 == 1 }
      let store = store(limit: count + 1)
      var challenges: [String] = []
      for _ in 0..<count {
        challenges.append(try store.create(for: "a"))
        clock.advance(0.5)
      }
      try punch(holes, into: "challenges.jsonl")
      let other = self.store(limit: count + 1)
      let next = try other.create(for: "a")
      #expect(try other.consume(next, for: "a"), "\(holes)")
      for (index, challenge) in challenges.enumerated() {
        #expect(try other.consume(challenge, for: "a") == !holes.contains(index), "\(holes) \(index)")
      }
      try FileManager.default.removeItem(atPath: folder.file("challenges.jsonl"))
      try? FileManager.default.removeItem(atPath: folder.file("challenges.jsonl.1"))
    }
  }

  @Test func aHoleAnywhereInAnyGenerationHoldsUpNoRotation() throws {
    for hole in 0..<4 {
      for name in ["challenges.jsonl", "challenges.jsonl.1"] {
        for _ in 0..<2 {
          for _ in 0..<4 { _ = try store().create(for: "a") }
          clock.advance(61)
        }
        try punch([hole], into: name)
        for _ in 0..<6 {
          _ = try store().create(for: "a")
          clock.advance(61)
        }
        #expect(try bytes("challenges.jsonl").count < 600, "\(hole) \(name)")
      }
    }
  }

  /// A hole that stands for the last record doesn't make those before it look expired.
  @Test func goodChallengesBeforeAHoleOutliveARotation() throws {
    _ = try store().create(for: "a")
    clock.advance(50)
    let challenge = try store().create(for: "a")
    _ = try store().create(for: "a")
    try punch([2], into: "challenges.jsonl")
    clock.advance(11)
    _ = try store().create(for: "a")
    clock.advance(20)
    _ = try store().create(for: "a")
    #expect(try store().consume(challenge, for: "a"))
  }

  @Test func holesAreNoReasonToRefuseForLong() throws {
    let limit = 6
    for holes in [[0], [5], [2, 3], [0, 1, 2, 3, 4, 5], [1, 3, 5], [0, 2, 4]] {
      let first = store(limit: limit)
      for _ in 0..<limit { _ = try first.create(for: "a") }
      #expect(throws: StoreError.self) { try store(limit: limit).create(for: "a") }
      try punch(holes, into: "challenges.jsonl")
      clock.advance(60.1)
      for _ in 0..<limit { _ = try store(limit: limit).create(for: "a") }
      #expect(throws: StoreError.self, "\(holes)") { try store(limit: limit).create(for: "a") }
      clock.advance(121)
    }
  }

  /// Pending challenges are counted by a binary search, which must not take a hole for an expired one.
  @Test func theLimitHoldsInSpiteOfHoles() throws {
    for hole in 0..<7 {
      let limit = 8
      _ = try store(limit: limit).create(for: "a")
      clock.advance(61)
      for _ in 0..<limit { _ = try store(limit: limit).create(for: "a") }
      try punch([hole], into: "challenges.jsonl")
      #expect(throws: StoreError.self, "\(hole)") { try store(limit: limit).create(for: "a") }
      clock.advance(121)
    }
  }
}
