import Foundation
import TestSupport
import Testing

@testable import POSIX
@testable import Stores

/// What is left after several files or parts of sessions are damaged or gone at once.
@Suite struct SessionRepairTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()
  private let log = LogRecorder()
  private var path: String { folder.file("sessions.dat") }
  private var tablePath: String { path + ".subjects" }

  private func store() -> FileSessionStore {
    FileSessionStore(path: path, clock: clock.clock, logger: log.logger)
  }

  private func begin(_ subject: String, days: Int = 30, in store: FileSessionStore? = nil) throws -> String {
    let start = SessionStart(
      subject: subject, role: "wallet", method: "Ed25519", expiresAt: clock.clock.seconds + days * 86400)
    return try (store ?? self.store()).begin(start, tokens: nil).session.id
  }

  private func damage(_ path: String, at offsets: some Sequence<Int>) throws {
    var content = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    for offset in offsets { content[offset] ^= 4 }
    try folder.write(URL(fileURLWithPath: path).lastPathComponent, bytes: content)
  }

  private func damageHeader(_ path: String) throws { try damage(path, at: 30...32) }

  private func damageBuckets() throws {
    let size = try #require(try FileStatus.ofFile(at: tablePath)).size
    try damage(tablePath, at: stride(from: 512 + 100, to: size, by: 512))
  }

  private func bad() throws -> [StoreFile.BadRecord] {
    try StoreFile.all(.sessions, path: path).flatMap(\.bad.first)
  }

  private func repair() throws -> [StoreFile.BadRecord] {
    try StoreFile.all(.sessions, path: path).flatMap {
      try $0.repair(clock: clock.clock, logger: log.logger)?.dropped.first ?? []
    }
  }

  /// Damage to the files, after which nobody knows whose sessions were ended.
  enum Loss: CaseIterable {
    case tableGone, tableAndSessionsGone, tableGoneAndSessionsEmpty, tableGoneAndHeaderDamaged
    case tableDamagedAndSessionsGone, bothHeadersDamaged, bucketsDamagedAndSessionsGone
    case bucketsAndHeaderDamaged
  }

  private func apply(_ loss: Loss) throws {
    switch loss {
    case .tableGone: unlink(tablePath)
    case .tableAndSessionsGone:
      unlink(tablePath)
      unlink(path)
    case .tableGoneAndSessionsEmpty:
      unlink(tablePath)
      #expect(truncate(path, 0) == 0)
    case .tableGoneAndHeaderDamaged:
      unlink(tablePath)
      try damageHeader(path)
    case .tableDamagedAndSessionsGone:
      unlink(path)
      try damageHeader(tablePath)
    case .bothHeadersDamaged:
      try damageHeader(path)
      try damageHeader(tablePath)
    case .bucketsDamagedAndSessionsGone:
      unlink(path)
      try damageBuckets()
    case .bucketsAndHeaderDamaged:
      try damageHeader(path)
      try damageBuckets()
    }
  }

  @Test(arguments: Loss.allCases)
  func whereNobodyKnowsWhoseSessionsWereEndedAllAre(_ loss: Loss) throws {
    let running = store()
    let id = try begin("a", in: running)
    clock.advance(1)
    let cutoff = try running.endAll(of: "a", reason: "lost").at
    try apply(loss)
    // A process that has the table open needs no header.
    let isOpen = loss == .tableDamagedAndSessionsGone || loss == .bothHeadersDamaged
    for store in isOpen ? [store()] : [running, store()] {
      #expect(throws: StoreError.self) { try store.cutoff(of: "a") }
      #expect(throws: StoreError.self) { try begin("b", in: store) }
    }
    #expect(try !bad().isEmpty)
    clock.advance(1)
    #expect(try repair().contains { $0.reason.contains("everybody signs in again") })
    #expect(try bad().isEmpty)
    for store in [running, store()] {
      #expect(try #require(try store.cutoff(of: "a")) > cutoff)
      #expect(try store.cutoff(of: "anybody") != nil)
      let found = try store.find(id)
      #expect(found == nil || found?.end != nil)
      let next = try begin("b", in: store)
      #expect(try store.find(next)?.end == nil)
    }
    #expect(try repair().isEmpty)
  }

  /// An installation from before sessions has neither file, and its tokens stay valid.
  @Test func whoNeverHadATableStarts() throws {
    // A process that was killed before it made the table leaves a lock.
    for hasLock in [false, true] {
      if hasLock { try folder.write("sessions.dat.lock", "") }
      #expect(try bad().isEmpty)
      #expect(try repair().isEmpty)
      #expect(try store().cutoff(of: "a") == nil)
      #expect(try store().find("x") == nil)
      store().prepare()
    }
    _ = try begin("a")
    #expect(try store().cutoff(of: "a") == nil)
  }

  /// Somebody may remove the lock. The next process notes again that there is a table.
  @Test func aNewLockRemembersTheTable() throws {
    _ = try begin("a")
    unlink(path + ".lock")
    _ = try begin("a")
    unlink(tablePath)
    unlink(path)
    #expect(throws: StoreError.self) { try begin("a") }
    #expect(try bad().count == 1)
  }

  /// Slots below the first live session are never used again, although another program cut the file there.
  @Test func aFileThatWasCutBelowTheLiveSessionsGoesOn() throws {
    let store = store()
    for number in 0..<51 { _ = try begin("s\(number)", days: 1, in: store) }
    clock.advance(2 * 86400)
    for _ in 0..<12 { _ = try begin("a", in: store) }
    #expect(truncate(path, 1024 + 5 * 512) == 0)
    #expect(try store.list(SessionQuery(limit: 100)).sessions.isEmpty)
    let ids = [try begin("b", in: store), try begin("c", in: self.store())]
    #expect(try store.list(SessionQuery(limit: 100)).sessions.map(\.id) == ids.reversed())
    #expect(truncate(path, 1024 + 5 * 512) == 0)
    try damageBuckets()
    clock.advance(1)
    #expect(try repair().count == 1)
    #expect(try bad().isEmpty)
    let next = try begin("b", in: store)
    #expect(try store.list(SessionQuery(limit: 100)).sessions.map(\.id) == [next])
  }
}
