import Foundation
import Logging
import Synchronization
import TestSupport
import Testing
import Wire

@testable import POSIX
@testable import Stores

/// What crashes, power failures, full disks and damage do to the files of sessions.
@Suite struct SessionFaultTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()
  private let log = LogRecorder()
  private var path: String { folder.file("sessions.dat") }
  private let boots = [
    "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000",
  ]

  private func store(boot: Int? = 0, flushData: SharedFlush.FlushData? = nil) -> FileSessionStore {
    FileSessionStore(
      path: path, boot: boot.map { boots[$0] }, flushData: flushData ?? SharedFlush.flushData,
      clock: clock.clock, logger: log.logger)
  }

  private func start(_ subject: String) -> SessionStart {
    SessionStart(
      subject: subject, role: "wallet", method: "Ed25519", expiresAt: clock.clock.seconds + 86400)
  }

  private func begin(_ subject: String, in store: FileSessionStore? = nil) throws -> String {
    let write = try (store ?? self.store()).begin(start(subject), tokens: nil)
    try write.waitUntilDurable()
    return write.session.id
  }

  private func listed(_ subject: String, boot: Int? = 0) throws -> [String] {
    var query = SessionQuery(limit: 1000)
    query.subject = subject
    return try store(boot: boot).list(query).sessions.map(\.id)
  }

  private func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
  }

  // MARK: - Power loss

  /// Of everything that wasn't flushed, each subset of sectors may be missing: the old content, or NULs.
  @Test(arguments: [false, true])
  func whateverAPowerLossTakesWhatWasAnsweredIsThere(_ isLong: Bool) throws {
    let subject = isLong ? String(repeating: "a1", count: 300) : "a"
    let names = ["sessions.dat", "sessions.dat.subjects"]
    let old = try begin(subject)
    let cut = try begin("cut")
    clock.advance(1)
    let cutoff = try store().endAll(of: "cut", reason: "lost").at
    let answered = [old, try begin(subject)]
    let changed = try begin("b")
    try #require(try store().change(changed) { _ in .end(reason: "sign-out") }).waitUntilDurable()
    let before = try names.map(bytes)
    // These wait for nothing, so that nobody was told.
    _ = try store().begin(start(subject), tokens: nil)
    _ = try store().begin(start(subject), tokens: nil)
    _ = try store().begin(start("new" + subject), tokens: nil)
    let after = try names.map(bytes)
    let sectors = (0..<2).flatMap { file in
      stride(from: 0, to: after[file].count, by: 512).compactMap {
        offset -> (file: Int, range: Range<Int>)? in
        let range = offset..<min(offset + 512, after[file].count)
        let isSame = range.upperBound <= before[file].count && before[file][range] == after[file][range]
        return isSame ? nil : (file, range)
      }
    }
    #expect((4...10).contains(sectors.count), "\(sectors.count)")
    for subset in 0..<1 << sectors.count {
      var images = after
      for (number, sector) in sectors.enumerated() where subset >> number & 1 == 0 {
        let known = before[sector.file]
        images[sector.file].replaceSubrange(
          sector.range, with: sector.range.map { $0 < known.count ? known[$0] : 0 })
      }
      // The size may be the old one if nothing behind it arrived.
      for file in 0..<2 where images[file][before[file].count...].allSatisfy({ $0 == 0 }) {
        if subset % 3 == 0 { images[file].removeLast(images[file].count - before[file].count) }
      }
      for (name, image) in zip(names, images) { try folder.write(name, bytes: image) }
      let store = store(boot: 1)
      store.prepare()
      for id in answered { #expect(try store.find(id)?.end == nil, "\(subset)") }
      #expect(try store.find(old)?.start.subject == subject)
      #expect(try store.find(changed)?.end?.reason == "sign-out")
      #expect(try store.find(cut)?.end?.reason == "lost" && store.cutoff(of: "cut") == cutoff)
      let next = try begin(subject, in: store)
      let list = try listed(subject, boot: 1)
      #expect(list.first == next && list.suffix(2) == answered.reversed(), "\(subset)")
      let all = try store.list(SessionQuery(limit: 100))
      #expect(Set(all.sessions.map(\.id)).isSuperset(of: answered + [cut, changed, next]), "\(subset)")
      #expect(try store.endAll(of: subject, reason: "").sessions == list.count)
      for file in try StoreFile.all(.sessions, path: path) { #expect(file.bad.count == 0, "\(subset)") }
    }
  }

  /// A process that doesn't know the boot can't count on the first writer after it.
  @Test func whereNothingTellsTheBootTheTableIsFlushedToo() throws {
    let flushed = Mutex<[FileStatus.Identity]>([])
    for (boot, files) in [(0, 1), (nil, 2)] {
      flushed.withLock { $0 = [] }
      let store = store(boot: boot) { file throws(SystemError) in
        let identity = try file.status().identity
        flushed.withLock { $0.append(identity) }
      }
      _ = try begin("a", in: store)
      #expect(flushed.withLock { Set($0).count } == files)
    }
  }

  @Test func aTornTailIsWrittenOver() throws {
    var ids = [try begin("a")]
    for cut in [1, 100, 511] {
      let whole = try bytes("sessions.dat")
      try folder.write("sessions.dat", bytes: whole + [UInt8](repeating: 7, count: cut))
      ids.insert(try begin("a"), at: 0)
      #expect(try listed("a") == ids)
      #expect(try bytes("sessions.dat").count == whole.count + 512)
    }
  }

  /// The kernel may have dropped what it failed to write, so the file isn't believed again.
  @Test func afterAFailedFlushTheFileIsWrittenAnew() throws {
    let fails = Atomic(false)
    let store = store { file throws(SystemError) in
      if fails.load(ordering: .relaxed) { throw SystemError(call: "fdatasync", code: EIO) }
    }
    let id = try begin("a", in: store)
    for name in ["sessions.dat", "sessions.dat.subjects"] {
      let identity = try FileStatus.ofFile(at: folder.file(name))?.identity
      fails.store(true, ordering: .relaxed)
      #expect(throws: StoreError.self) {
        if name == "sessions.dat" {
          _ = try begin("a", in: store)
        } else {
          _ = try store.endAll(of: "c", reason: "")
        }
      }
      fails.store(false, ordering: .relaxed)
      #expect(try FileStatus.ofFile(at: folder.file(name))?.identity != identity)
      #expect(try store.find(id) != nil)
      _ = try begin("b", in: store)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
  }

  // MARK: - Full disk

  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFullDiskLosesNothing() throws {
    try #require(try Tool.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", folder.path]).status == 0)
    defer { _ = try? Tool.run(["umount", folder.path]) }
    let store = store()
    let (first, ended) = (try begin("a", in: store), try begin("b", in: store))
    var ids = [first]
    var failure: StoreError?
    while failure == nil && ids.count < 1000 {
      do {
        ids.append(try begin("a", in: store))
      } catch let error as StoreError {
        failure = error
      }
    }
    #expect(failure?.description.contains("No space left") == true)
    for _ in 0..<3 { #expect(throws: StoreError.self) { try begin("a", in: store) } }
    #expect(try listed("a") == ids.reversed())
    #expect(try bytes("sessions.dat").count % 512 == 0)
    _ = try store.change(ended) { _ in .end(reason: "x") }
    #expect(try store.find(ended)?.end?.reason == "x")
    #expect(try store.endAll(of: "a", reason: "lost phone").sessions == ids.count)
    #expect(try store.find(first)?.end != nil)
  }

  @Test func theReserveIsLeftToEnds() throws {
    let reserve = SpaceReserve(size: 1 << 60, forFile: path)
    let id = try begin("a")
    let store = FileSessionStore(path: path, reserve: reserve, clock: clock.clock, logger: log.logger)
    #expect(throws: StoreError.self) { try store.begin(start("a"), tokens: nil) }
    _ = try store.change(id) { _ in .end(reason: "") }
    #expect(try store.endAll(of: "a", reason: "").sessions == 0)
  }

  // MARK: - Damage

  private func flip(_ name: String, at offset: Int) throws {
    var content = try bytes(name)
    content[offset] ^= 4
    try folder.write(name, bytes: content)
  }

  private func bad() throws -> [StoreFile.BadRecord] {
    try StoreFile.all(.sessions, path: path).flatMap(\.bad.first)
  }

  private func repair() throws -> [StoreFile.BadRecord] {
    try StoreFile.all(.sessions, path: path).flatMap {
      try $0.repair(clock: clock.clock, logger: log.logger)?.dropped.first ?? []
    }
  }

  @Test func aDamagedSessionIsUnknownAndOthersAreNot() throws {
    let ids = try (0..<5).map { _ in try begin("a") }
    for byte in [0, 5, 30, 100, 300, 511] {
      let whole = try bytes("sessions.dat")
      try flip("sessions.dat", at: 1024 + 2 * 512 + byte)
      #expect(try store().find(ids[2]) == nil, "\(byte)")
      #expect(try store().change(ids[2]) { _ in .end(reason: "") } == nil)
      for id in ids where id != ids[2] { #expect(try store().find(id) != nil) }
      #expect(try bad().map(\.line) == [3])
      try folder.write("sessions.dat", bytes: whole)
    }
    #expect(log.messages.contains { $0.contains("damaged session") })
    try flip("sessions.dat", at: 1024 + 2 * 512 + 9)
    #expect(try repair().map(\.line) == [3])
    #expect(try bad().isEmpty)
    #expect(try listed("a") == [4, 3, 1, 0].map { ids[$0] })
    #expect(try bytes("sessions.dat.bad-\(clock.clock.seconds)").count == 513)
  }

  /// Its requests that need no session are answered.
  @Test func aProcessStartsWhateverIsDamaged() throws {
    let id = try begin("a")
    let lock = try FileHandle(path: path + ".lock", flags: .readWrite)
    #expect(try lock.tryLock())
    let store = store(boot: 1)
    Deadline.with(Clock.monotonicNanoseconds) { store.prepare() }
    #expect(try store.find(id) != nil)
    #expect(log.messages.contains { $0.contains("links between sessions") })
    lock.unlock()
    try flip("sessions.dat", at: 30)
    self.store().prepare()
    #expect(throws: StoreError.self) { try self.store().find(id) }
    #expect(log.messages.contains { $0.contains("sessions can't be read") })
    unlink(path + ".subjects")
    self.store().prepare()
  }

  /// An entry that can't be read may say that the sessions were ended.
  @Test func aDamagedEntryRefusesItsSubject() throws {
    let ids = try ["a", "b"].map { try begin($0) }
    let free = try begin("free")
    clock.advance(1)
    let cutoff = try store().endAll(of: "a", reason: "x").at
    let table = try bytes("sessions.dat.subjects")
    // The bucket of the subject that was ended.
    let hash = try #require(Hex.decode("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"))
    let sector = try #require(table.firstIndex(of: hash)) / 512 * 512
    try flip("sessions.dat.subjects", at: sector + 100)
    for reader in [store(), store()] {
      #expect(throws: StoreError.self) { try reader.find(ids[0]) }
      #expect(throws: StoreError.self) { try reader.cutoff(of: "a") }
      #expect(throws: StoreError.self) { try reader.begin(start("a"), tokens: nil) }
      #expect(throws: StoreError.self) { try reader.change(ids[0]) { _ in .keep } }
    }
    #expect(try bad().map(\.offset) == [sector])
    clock.advance(1)
    let dropped = try repair()
    #expect(dropped.first?.reason.contains("everybody signs in again") == true)
    #expect(try bad().isEmpty)
    // Nobody knows whose sessions were ended, so all are.
    for id in ids + [free] { #expect(try store().find(id)?.end != nil) }
    #expect(try #require(try store().cutoff(of: "a")) > cutoff)
    #expect(try store().cutoff(of: "anybody") != nil)
    let next = try begin("a")
    #expect(try store().find(next)?.end == nil)
    #expect(try listed("a") == [next, ids[0]])
    clock.advance(1)
    #expect(try store().endAll(of: "a", reason: "again").sessions == 1)
    #expect(try store().find(next)?.end?.reason == "again")
  }

  @Test func aRepairKeepsCutoffsThatCanBeRead() throws {
    _ = try begin("a")
    clock.advance(1)
    let cutoff = try store().endAll(of: "a", reason: "x").at
    let id = try begin("b")
    try flip("sessions.dat", at: 1024)
    #expect(try repair().map(\.line) == [1])
    #expect(try store().cutoff(of: "a") == cutoff)
    #expect(try store().cutoff(of: "b") == nil)
    #expect(try store().find(id)?.end == nil)
  }

  @Test func aRepairMakesALostTableAndEndsEverySession() throws {
    let id = try begin("a")
    let long = try begin(String(repeating: "a1", count: 1952))
    unlink(path + ".subjects")
    #expect(try bad().count == 1)
    #expect(try repair().count == 1)
    for id in [id, long] { #expect(try store().find(id)?.end != nil) }
    let next = try begin("a")
    #expect(try store().find(next)?.end == nil)
    #expect(try listed("a") == [next, id])
  }

  @Test func aRepairMovesAFileWithoutAHeaderAway() throws {
    let id = try begin("a")
    clock.advance(1)
    let cutoff = try store().endAll(of: "b", reason: "").at
    try flip("sessions.dat", at: 30)
    #expect(throws: StoreError.self) { try store().find(id) }
    #expect(throws: StoreError.self) { try begin("a") }
    #expect(try repair().count == 1)
    #expect(try store().find(id) == nil)
    let next = try begin("a")
    #expect(try store().find(next) != nil)
    #expect(try store().cutoff(of: "b") == cutoff)
  }

  /// Of two processes at once, one writing, a check finds nothing bad.
  @Test func aCheckWhileOthersWriteFindsNothing() throws {
    let store = store()
    let ids = try (0..<50).map { try begin("s\($0)", in: store) }
    let isDone = Atomic(false)
    let path = path
    let counts = try concurrently(2) { [boots, clock, log] number -> Int in
      guard number == 0 else {
        var writes = 0
        let store = FileSessionStore(
          path: path, boot: boots[0], clock: clock.clock, logger: log.logger)
        while !isDone.load(ordering: .relaxed) {
          try store.touch(ids[writes % 50], at: clock.clock.seconds + writes)
          writes += 1
        }
        return 0
      }
      defer { isDone.store(true, ordering: .relaxed) }
      return try (0..<200).reduce(0) { sum, _ in
        try sum + StoreFile.all(.sessions, path: path).reduce(0) { $0 + $1.bad.count }
      }
    }
    #expect(counts == [0, 0])
  }
}
