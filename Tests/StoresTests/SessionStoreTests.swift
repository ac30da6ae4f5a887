import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import POSIX
@testable import Stores

@Suite struct SessionStoreTests {
  private let folder = TemporaryFolder()
  private let clock = ManualClock()
  private let log = LogRecorder()
  private var path: String { folder.file("sessions.dat") }

  /// A store as another process would have it: nothing in common but the files.
  private func store() -> FileSessionStore {
    FileSessionStore(path: path, clock: clock.clock, logger: log.logger)
  }

  private func start(_ subject: String, days: Int = 30) -> SessionStart {
    SessionStart(
      subject: subject, role: "wallet", method: "Ed25519", expiresAt: clock.clock.seconds + days * 86400,
      address: "192.0.2.1",
      userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
  }

  private func size(_ name: String = "sessions.dat") throws -> Int {
    try #require(try FileStatus.ofFile(at: folder.file(name))).size
  }

  // MARK: - Identifiers

  /// The position in an identifier must tell nothing: how many sessions there are, or which began together.
  @Test func identifiersOfOneMomentHaveNothingInCommon() throws {
    let store = store()
    let ids = try (0..<512).map { _ in Array(try store.begin(start("a"), tokens: nil).session.id.utf8) }
    for column in 0..<32 { #expect(Set(ids.map { $0[column] }).count > 32, "column \(column)") }
  }

  /// A command would take it for an option.
  @Test func noIdentifierBeginsWithAHyphen() throws {
    let store = store()
    for _ in 0..<1000 {
      #expect(try !store.begin(start("a"), tokens: nil).session.id.hasPrefix("-"))
    }
  }

  @Test func anotherInstallationsIdentifiersAreUnknown() throws {
    let id = try store().begin(start("a"), tokens: nil).session.id
    let other = FileSessionStore(path: folder.file("other.dat"), clock: clock.clock, logger: log.logger)
    for _ in 0..<50 { _ = try other.begin(start("a"), tokens: nil) }
    #expect(try other.find(id) == nil)
    #expect(try store().find(id) != nil)
  }

  // MARK: - Size

  @Test func aSessionTakes512Bytes() throws {
    let store = store()
    _ = try store.begin(start("a"), tokens: nil)
    let before = try size()
    for number in 0..<1000 { _ = try store.begin(start("\(number % 20)"), tokens: nil) }
    #expect(try size() - before == 1000 * 512)
    #expect(try size("sessions.dat.subjects") < 64 << 10)
  }

  /// An ML-DSA-65 address has 3904 characters. It is stored once.
  @Test func aLongSubjectIsStoredOnce() throws {
    let address = String(repeating: "a1", count: 1952)
    let store = store()
    let id = try store.begin(start(address), tokens: nil).session.id
    let (before, table) = (try size(), try size("sessions.dat.subjects"))
    for _ in 0..<20 { _ = try store.begin(start(address), tokens: nil) }
    #expect(try size() - before == 20 * 512)
    #expect(try size("sessions.dat.subjects") == table)
    #expect(try store.find(id)?.start.subject == address)
  }

  /// The last reason takes the place of the one before.
  @Test func endingASubjectsSessionsAgainTakesNoSpace() throws {
    let store = store()
    let id = try store.begin(start("a"), tokens: nil).session.id
    let before = try size("sessions.dat.subjects")
    for number in 0..<100 {
      clock.advance(1)
      let reason = String(repeating: "\(number % 10)", count: number.isMultiple(of: 2) ? 255 : 20)
      _ = try store.endAll(of: "a", reason: reason)
      #expect(try self.store().find(id)?.end?.reason == reason)
    }
    #expect(try size("sessions.dat.subjects") <= before + 264)
  }

  @Test func aUserAgentIsCutBetweenCharacters() throws {
    var start = start("a")
    start.userAgent = String(repeating: "é", count: 500)
    let kept = try store().begin(start, tokens: nil).session.start.userAgent
    #expect(kept.count > 20 && kept.allSatisfy { $0 == "é" })
  }

  @Test func textsThatDontFitAreRefused() throws {
    var start = start("a")
    start.role = String(repeating: "r", count: 300)
    #expect(throws: StoreError.self) { try store().begin(start, tokens: nil) }
    let tokens = SessionTokens(
      generation: 1, accessID: "not hex", refreshID: nil, issuedAt: 1, accessExpiry: 2, refreshExpiry: 0)
    #expect(throws: StoreError.self) { try store().begin(self.start("a"), tokens: tokens) }
  }

  // MARK: - Cost

  /// The bytes and calls with which this thread's process reads, as Linux counts them. proc(5), /proc/self/io.
  private func reading(_ body: () throws -> Void) throws -> (bytes: Int, calls: Int) {
    func count() throws -> [Int] {
      let text = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
      return text.split(separator: "\n").map { Int($0.split(separator: " ")[1]) ?? 0 }
    }
    let before = try count()
    try body()
    let after = try count()
    return (after[0] - before[0], after[2] - before[2])
  }

  @Test func aSessionCostsTheSameAmongManyOthers() throws {
    let store = store()
    let id = try store.begin(start("a"), tokens: nil).session.id
    var costs: [[Int]] = []
    for others in [10, 5000] {
      for number in 0..<others { _ = try store.begin(start("\(number)"), tokens: nil) }
      _ = try store.begin(start("a"), tokens: nil)
      var query = SessionQuery(limit: 100)
      query.subject = "a"
      let bodies: [() throws -> Void] = [
        { _ = try store.find(id) }, { _ = try self.store().find(id) },
        { _ = try store.change(id) { _ in .end(reason: "x") } }, { _ = try store.cutoff(of: "a") },
      ]
      // What counting itself reads is the same each time.
      costs.append(
        try bodies.flatMap {
          let cost = try reading($0)
          return [cost.bytes, cost.calls]
        })
      var listed = 0
      let listing = try reading { listed = try store.list(query).sessions.count }
      #expect(listed == costs.count + 1)
      #expect(listing.calls < 20)
    }
    // A look-up reads at most four buckets of subjects, and mostly one.
    for (few, many) in zip(costs[0], costs[1]) { #expect(many <= few + 3 * 512, "\(costs)") }
  }

  @Test func expiredSessionsAreGivenBackAFewAtATime() throws {
    let store = store()
    let ids = try (0..<1000).map { _ in try store.begin(start("a", days: 1), tokens: nil).session.id }
    let blocks = try blocks()
    clock.advance(86_401)
    let kept = try store.begin(start("a"), tokens: nil).session.id
    #expect(try ids.filter { try store.find($0) == nil }.count <= 2)
    for _ in 0..<600 { _ = try store.begin(start("b", days: 10), tokens: nil) }
    #expect(try store.find(ids[100]) == nil)
    #expect(try store.find(kept) != nil)
    #expect(try self.blocks() <= blocks)
    let page = try store.list(SessionQuery(limit: 2000))
    #expect(page.sessions.count == 601)
    #expect(page.cursor == nil)
  }

  /// The space of the file on the disk. Blocks of 512 bytes.
  private func blocks() throws -> Int {
    var status = stat()
    #expect(stat(path, &status) == 0)
    return Int(status.st_blocks)
  }

  /// Only sessions that began a day ago or more bear a clock out.
  @Test func aClockThatIsAheadForgetsNone() throws {
    let store = store()
    let ids = try (0..<300).map { _ in try store.begin(start("a"), tokens: nil).session.id }
    clock.advance(10 * 365 * 86400)
    for _ in 0..<160 { _ = try store.begin(start("a"), tokens: nil) }
    clock.advance(-10 * 365 * 86400)
    #expect(try ids.filter { try store.find($0) == nil } == [])
  }

  // MARK: - Subjects

  @Test func cutoffsSurviveTheTablesGrowth() throws {
    let store = store()
    let other = self.store()
    let early = try store.begin(start("early"), tokens: nil).session.id
    let long = String(repeating: "b2", count: 1952)
    let longID = try store.begin(start(long), tokens: nil).session.id
    clock.advance(1)
    _ = try store.endAll(of: "early", reason: "lost")
    let nobody = try store.endAll(of: "nobody", reason: "x").at
    let before = try size("sessions.dat.subjects")
    for number in 0..<3000 { _ = try store.begin(start("s\(number)"), tokens: nil) }
    #expect(try size("sessions.dat.subjects") > 4 * before)
    for reader in [store, other, self.store()] {
      #expect(try reader.find(early)?.end?.reason == "lost")
      #expect(try reader.cutoff(of: "nobody") == nobody)
      #expect(try reader.find(longID)?.start.subject == long)
      #expect(try reader.cutoff(of: "s17") == nil)
    }
    var query = SessionQuery(limit: 10)
    for subject in [long, "s0", "s2999"] {
      query.subject = subject
      #expect(try store.list(query).sessions.count == 1)
    }
  }

  /// Subjects whose hashes begin alike share a bucket.
  @Test func manySubjectsInOneBucketAreToldApart() throws {
    let table = try SubjectTable.make(draft: path, for: path)
    let hashes = (0..<28).map { [UInt8](repeating: 7, count: 31) + [UInt8($0)] }
    for (number, hash) in hashes.enumerated() {
      let place = try #require(try table.place(of: hash))
      #expect(place.entry == nil)
      var entry = SubjectEntry(hash: hash)
      entry.cutoff = number + 1
      try table.write(entry, at: place)
    }
    for (number, hash) in hashes.enumerated() {
      #expect(try table.entry(of: hash)?.cutoff == number + 1)
    }
    #expect(try table.place(of: [UInt8](repeating: 7, count: 31) + [28]) == nil)
  }

  // MARK: - Other programs

  @Test func nothingIsLostWhileTheLockFileIsRemoved() throws {
    let running = Atomic(4)
    let lock = path + ".lock"
    let (path, clock, log) = (path, clock, log)
    let expiry = clock.clock.seconds + 86400
    let begun = try concurrently(5) { number -> [String] in
      if number == 4 {
        while running.load(ordering: .relaxed) > 0 { unlink(lock) }
        return []
      }
      defer { running.subtract(1, ordering: .relaxed) }
      let store = FileSessionStore(path: path, clock: clock.clock, logger: log.logger)
      return try (0..<200).map { round in
        let write = try store.begin(
          SessionStart(subject: "s\(round)", role: "", method: "", expiresAt: expiry), tokens: nil)
        try write.waitUntilDurable()
        return write.session.id
      }
    }.joined()
    #expect(Set(begun).count == 800)
    #expect(try begun.filter { try store().find($0) == nil } == [])
    for round in [0, 199] {
      var query = SessionQuery(limit: 10)
      query.subject = "s\(round)"
      #expect(try store().list(query).sessions.count == 4)
    }
  }

  @Test func aRemovedFileIsBegunAnewAndCutoffsStay() throws {
    let store = store()
    let id = try store.begin(start("a"), tokens: nil).session.id
    let cutoff = try store.endAll(of: "a", reason: "x").at
    unlink(path)
    #expect(try store.find(id) == nil)
    #expect(try store.cutoff(of: "a") == cutoff)
    let next = try store.begin(start("a"), tokens: nil).session
    #expect(next.createdAt > cutoff)
    #expect(try self.store().find(next.id)?.end == nil)
    #expect(try store.list(SessionQuery(limit: 10)).sessions.count == 1)
    #expect(log.messages.contains { $0.contains("file is gone") })
  }

  @Test func aReplacedFileIsReadAtOnce() throws {
    let reader = store()
    let id = try store().begin(start("a"), tokens: nil).session.id
    #expect(try reader.find(id) != nil)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    _ = try store().change(id) { _ in .end(reason: "x") }
    #expect(try reader.find(id)?.end != nil)
    try folder.write("copy", bytes: Array(bytes))
    #expect(chmod(folder.file("copy"), 0o600) == 0 && rename(folder.file("copy"), path) == 0)
    #expect(try reader.find(id)?.end == nil)
  }

  /// Whoever removes the table must not make ended sessions live again.
  @Test func withoutItsTableNoSessionIsGood() throws {
    let id = try store().begin(start("a"), tokens: nil).session.id
    unlink(path + ".subjects")
    for store in [store(), store()] {
      #expect(throws: StoreError.self) { try store.find(id) }
      #expect(throws: StoreError.self) { try store.begin(start("b"), tokens: nil) }
      #expect(throws: StoreError.self) { try store.cutoff(of: "a") }
    }
  }

  @Test func aFileOfSomebodyElsesMakingIsLeftAlone() throws {
    for name in ["sessions.dat", "sessions.dat.subjects"] {
      try folder.write(name, "important\n")
      #expect(throws: StoreError.self) { try store().begin(start("a"), tokens: nil) }
      #expect(try folder.read(name) == "important\n")
      unlink(folder.file(name))
    }
  }

  @Test func pipesAndLinksAreRefused() throws {
    let running = store()
    _ = try running.begin(start("a"), tokens: nil)
    for name in ["sessions.dat.lock", "sessions.dat", "sessions.dat.subjects"] {
      unlink(folder.file(name))
      #expect(mkfifo(folder.file(name), 0o600) == 0)
      for store in [running, store()] {
        #expect(throws: StoreError.self) { try store.begin(start("a"), tokens: nil) }
      }
      #expect(try FileStatus.ofFile(at: folder.file(name))?.type == .pipe)
      unlink(folder.file(name))
      let target = try folder.write("target", "x")
      #expect(symlink(target, folder.file(name)) == 0)
      #expect(throws: StoreError.self) { try store().begin(start("a"), tokens: nil) }
      #expect(try folder.read("target") == "x")
      unlink(folder.file(name))
    }
  }

  @Test func itsFilesAreNobodyElses() throws {
    _ = try store().begin(start("a"), tokens: nil)
    for name in ["sessions.dat", "sessions.dat.subjects", "sessions.dat.lock"] {
      #expect(try FileStatus.ofFile(at: folder.file(name))?.permissions == 0o600)
    }
  }

  // MARK: - Threads that may not wait

  @Test func aThreadThatMayNotWaitReadsAndWritesNothing() throws {
    let store = store()
    let id = try store.begin(start("a"), tokens: nil).session.id
    try Waiting.forbidden {
      #expect(try store.find(id) != nil)
      #expect(throws: WouldWait.self) { try store.change(id) { _ in .end(reason: "") } }
      #expect(throws: WouldWait.self) { try store.begin(start("a"), tokens: nil) }
      try store.touch(id, at: clock.clock.seconds + 60)
    }
    #expect(try store.find(id)?.lastUsedAt == clock.clock.seconds + 60)
    let lock = try FileHandle(path: path + ".lock", flags: .readWrite)
    #expect(try lock.tryLock())
    try Waiting.forbidden { try self.store().touch(id, at: clock.clock.seconds + 120) }
    #expect(try store.find(id)?.lastUsedAt == clock.clock.seconds + 60)
  }
}
