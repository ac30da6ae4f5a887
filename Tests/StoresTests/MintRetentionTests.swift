import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Stores

/// Which archives of mints are removed, and which never.
@Suite struct MintRetentionTests {
  private static let day = 86400

  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private let clock = ManualClock()

  private func store(retentionDays: Int = 30) -> JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), rotationSize: 500, retentionDays: retentionDays, clock: clock.clock,
      logger: log.logger)
  }

  private func mint(_ store: JSONLMintAuditStore, _ count: Int = 1) throws {
    for _ in 0..<count {
      let now = clock.clock.seconds
      try store.append([
        Mint(
          tokenID: UUID().uuidString, subject: "s", role: "r", issuedAt: now, expiry: now + 900, kind: .sign)
      ])
    }
    try setTimes()
  }

  /// Gives each file that was written just now the time of the test's clock.
  private func setTimes(_ days: Double = 0, of names: [String]? = nil) throws {
    for name in try names ?? archives() + ["mints.jsonl"] {
      let status = try #require(try FileStatus.ofFile(at: folder.file(name)))
      guard names != nil || Double(status.modified) / 1e9 > Date().timeIntervalSince1970 - 3600 else {
        continue
      }
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: clock.clock.now + days * 86400)],
        ofItemAtPath: folder.file(name))
    }
  }

  private func archives() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.wholeMatch(of: /mints\.jsonl\.\d+/) != nil }.sorted()
  }

  /// Mints four times a day.
  private func use(_ store: JSONLMintAuditStore, days: Int) throws {
    for _ in 0..<days * 4 {
      try mint(store)
      clock.advance(Double(Self.day) / 4)
    }
  }

  @Test func whatIsOlderThanItIsKeptGoes() throws {
    let store = store()
    try use(store, days: 20)
    let early = try archives()
    #expect(early.count > 5)
    #expect(early.first == "mints.jsonl.000001")
    try use(store, days: 40)
    let left = try archives()
    #expect(Set(left).isDisjoint(with: early))
    #expect(left.count > 5)
    let all = try store.list(MintQuery(limit: 1000)).mints
    let now = clock.clock.seconds
    #expect(all.allSatisfy { $0.issuedAt > now - 33 * Self.day })
    #expect(all.contains { $0.issuedAt < now - 29 * Self.day })
  }

  @Test func withoutARetentionAllAreKept() throws {
    let store = store(retentionDays: 0)
    try use(store, days: 60)
    #expect(try store.list(MintQuery(limit: 1000)).mints.count == 240)
    #expect(try store.removeOld(force: true) == 0)
  }

  @Test(arguments: [1.0, 2, 10])
  func aClockThatJumpsAheadRemovesNothing(_ years: Double) throws {
    let store = store()
    try use(store, days: 10)
    let before = try archives()
    clock.advance(years * 365 * 86400)
    try mint(store, 20)
    #expect(try archives().count > before.count)
    #expect(try store.removeOld() == 0)
    #expect(try self.store().removeOld() == 0)
    #expect(Set(try archives()).isSuperset(of: before))
    #expect(log.messages.contains { $0.contains("old mint audit kept") && $0.contains("clock") })
    // It is set right, and nothing has changed.
    clock.advance(-years * 365 * 86400)
    try use(store, days: 3)
    #expect(Set(try archives()).isSuperset(of: before))
  }

  @Test func beforeAnythingIsMintedAJumpRemovesNothingEither() throws {
    try use(store(), days: 10)
    let before = try archives()
    clock.advance(2 * 365 * 86400)
    #expect(try store().removeOld() == 0)
    #expect(try archives() == before)
  }

  /// A year without a mint looks like a clock that is wrong, until it has gone on for a while.
  @Test func afterAYearOfIdlenessOldOnesGoOnceTheStoreHasBeenUsedForADay() throws {
    let store = store()
    try use(store, days: 10)
    let before = try archives()
    clock.advance(365 * 86400)
    try use(store, days: 1)
    #expect(Set(try archives()).isSuperset(of: before))
    try use(store, days: 3)
    #expect(Set(try archives()).isDisjoint(with: before))
    #expect(!(try archives().isEmpty))
  }

  @Test func forceRemovesThemAtOnceButNeverTheNewest() throws {
    let store = store()
    try use(store, days: 10)
    let before = try archives()
    clock.advance(365 * 86400)
    #expect(try store.removeOld(force: true) == before.count - 1)
    #expect(try archives() == [before.last])
    #expect(try store.removeOld(force: true) == 0)
  }

  /// A backup that is put back has its files' times, or today's; both ways its mints are as old as they say.
  @Test func anArchiveIsAsOldAsItsNewestMintOrItsFile() throws {
    let store = store()
    try use(store, days: 20)
    let all = try archives()
    // Unpacked with the times of long ago.
    try setTimes(-1000, of: all)
    #expect(try store.removeOld() == 0)
    #expect(try archives() == all)
    // Put back today.
    clock.advance(40 * 86400)
    try use(store, days: 3)
    #expect(Set(try archives()).isDisjoint(with: all.dropLast()))
    let kept = try archives()
    try setTimes(0, of: kept)
    clock.advance(29 * 86400)
    #expect(try store.removeOld(force: true) == 0)
    #expect(try archives() == kept)
  }

  /// What can't be read tells nothing of its age but by its file.
  @Test func damageAtTheEndOfAnArchiveIsReadPast() throws {
    let store = store()
    try use(store, days: 10)
    let first = try #require(try archives().first)
    let bytes = Array(try folder.read(first).utf8)
    try folder.write(first, bytes: bytes + [UInt8](repeating: 0, count: 3 << 20))
    try setTimes(-1000, of: [first])
    #expect(try store.removeOld(force: true) == 0)
    try folder.write(first, bytes: [UInt8](repeating: 0, count: 3 << 20))
    try setTimes(-1000, of: [first])
    #expect(try store.removeOld(force: true) == 1)
  }

  @Test func aMintIsRecordedWhateverBecomesOfOldOnes() throws {
    let store = store()
    try use(store, days: 10)
    // It can't be removed.
    let old = folder.file("mints.jsonl.000001")
    try FileManager.default.removeItem(atPath: old)
    try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: false)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: clock.clock.now - 1e8)], ofItemAtPath: old)
    try use(store, days: 60)
    let listed = try? store.list(MintQuery(limit: 4)).mints.count
    #expect(listed == 4)
  }
}
