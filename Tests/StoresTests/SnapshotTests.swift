import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

/// The snapshot saves reading the log; whatever becomes of it, the answers stay those of the log.
@Suite struct SnapshotTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private let clock = ManualClock()
  private var path: String { folder.file("revocations.jsonl") }

  private func store(tailLimit: Int = 1 << 17) -> JSONLRevocationStore {
    JSONLRevocationStore(path: path, tailLimit: tailLimit, clock: clock.clock, logger: log.logger)
  }
  /// 32 hex digits, as our own tokens have, and others.
  private func tokenID(_ number: Int) -> String {
    number % 5 == 0
      ? "token \(number)" : String(format: "%08x%024x", number &* 2_654_435_761 & 0xffff_ffff, number)
  }
  /// Writes a log of so many revocations at once.
  private func fill(_ numbers: Range<Int>) throws {
    var lines: [UInt8] = []
    for number in numbers {
      let revocation = Revocation(
        tokenID: tokenID(number), revokedAt: clock.clock.now, reason: "", revokedBy: "op",
        expiry: 4_000_000_000)
      lines += RecordLine.seal(revocation.record)
    }
    let old = FileManager.default.contents(atPath: path).map(Array.init) ?? []
    let handle = try FileHandle(path: path, flags: .create)
    try handle.writeAll(lines, at: old.count)
  }
  private func snapshotName() throws -> String {
    try #require(try names().first)
  }
  private func names() throws -> [String] {
    try Files.names(in: folder.path).filter { $0.contains("snapshot") }
  }
  /// A living process, one that starts, a script's one look-up, and one that revokes agree with the log.
  private func expectRight(_ revoked: Range<Int>, _ comment: Comment) throws {
    let starting = store()
    try starting.prepare()
    for number in [revoked.lowerBound, revoked.lowerBound + revoked.count / 2, revoked.upperBound - 1] {
      #expect(try starting.isRevoked(tokenID(number)), comment)
      #expect(try store().isRevoked(tokenID(number)), comment)
      #expect(try store().revoke(tokenID(number), reason: "again", by: "x").revokedBy == "op", comment)
    }
    for number in [revoked.upperBound, revoked.upperBound + 1] {
      #expect(try !starting.isRevoked(tokenID(number)), comment)
      #expect(try !store().isRevoked(tokenID(number)), comment)
    }
  }

  @Test func everyTokenIsFoundAndNoOther() throws {
    try fill(0..<3000)
    try store().makeSnapshot()
    try fill(3000..<3100)
    let store = store()
    try store.prepare()
    for number in stride(from: 0, to: 3100, by: 3) {
      #expect(try store.isRevoked(tokenID(number)), "\(number)")
    }
    for number in 3100..<4000 { #expect(try !store.isRevoked(tokenID(number)), "\(number)") }
    #expect(try !store.isRevoked(String(repeating: "0", count: 32)))
    #expect(try !store.isRevoked(String(repeating: "f", count: 32)))
    try expectRight(0..<3100, "")
    #expect(log.messages.isEmpty)
  }

  /// What the snapshot covers isn't read again: a start costs what has come since. Read it would be an error here.
  @Test func aStartReadsOnlyWhatIsBehindTheSnapshot() throws {
    try fill(0..<3000)
    try store().makeSnapshot()
    let file = try FileHandle(path: path, flags: .readWrite)
    try file.writeAll(Array("garbage".utf8), at: 1000)
    let store = store()
    try store.prepare()
    #expect(try store.isRevoked(tokenID(0)))
    #expect(try self.store().isRevoked(tokenID(2999)))
    _ = try store.revoke("new", reason: "", by: "")
    #expect(try self.store().isRevoked("new"))
  }

  @Test func everyFlippedBitOfTheHeaderLeavesTheAnswersRight() throws {
    try fill(0..<20)
    try store().makeSnapshot()
    let name = try snapshotName()
    let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
    for position in Array(0..<480) + Array(4088..<4096) {
      for bit in 0..<8 {
        var damaged = Array(whole)
        damaged[position] ^= 1 << bit
        try folder.write(name, bytes: damaged)
        let store = store()
        try store.prepare()
        #expect(try store.isRevoked(tokenID(7)) && store.isRevoked(tokenID(19)), "\(position).\(bit)")
        #expect(try !store.isRevoked(tokenID(20)), "\(position).\(bit)")
      }
    }
    #expect(log.messages.contains { $0.contains("snapshot is damaged") })
  }

  /// As after a power loss: blocks of 512 bytes or 4 KiB read as NULs.
  @Test(arguments: [512, 4096])
  func everyZeroedBlockLeavesTheAnswersRight(_ size: Int) throws {
    try fill(0..<600)
    try store().makeSnapshot()
    let name = try snapshotName()
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
    for start in stride(from: 0, to: whole.count, by: size) {
      let range = start..<min(start + size, whole.count)
      try folder.write(name, bytes: whole[..<start] + range.map { _ in 0 } + whole[range.upperBound...])
      let store = store()
      try store.prepare()
      for number in stride(from: 0, to: 600, by: 13) {
        #expect(try store.isRevoked(tokenID(number)), "block at \(start), token \(number)")
      }
      #expect(try !store.isRevoked(tokenID(600)))
      try expectRight(0..<600, "block at \(start)")
    }
    try folder.write(name, bytes: whole.map { _ in 0 })
    try expectRight(0..<600, "all NULs")
  }

  @Test func aSnapshotCutAnywhereLeavesTheAnswersRight() throws {
    try fill(0..<1000)
    try store().makeSnapshot()
    let name = try snapshotName()
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
    let living = store()
    try living.prepare()
    for size in [0, 1, 4095, 4096, 5000, 8192, whole.count - 1] {
      let file = try FileHandle(path: folder.file(name), flags: .readWrite)
      try file.truncate(to: size)
      try expectRight(0..<1000, "cut to \(size)")
      for number in stride(from: 0, to: 1000, by: 29) {
        #expect(try living.isRevoked(tokenID(number)), "\(size)")
      }
      try folder.write(name, bytes: whole)
    }
    try folder.write(name, bytes: whole + [0])
    try expectRight(0..<1000, "longer")
  }

  /// A block that goes bad under a process that lives: the answers stay right, and another snapshot takes its place.
  @Test func aDamagedBlockIsReplacedWhileTheProcessLives() throws {
    try fill(0..<1000)
    let store = store()
    try store.makeSnapshot()
    try store.prepare()
    let name = try snapshotName()
    let file = try FileHandle(path: folder.file(name), flags: .readWrite)
    let identity = try file.status().identity
    try file.writeAll([UInt8](repeating: 1, count: 64), at: 4096 + 64)
    for number in stride(from: 0, to: 1000, by: 3) {
      #expect(try store.isRevoked(tokenID(number)), "\(number)")
    }
    #expect(log.messages.contains { $0.contains("snapshot is damaged; the log is searched") })
    #expect(try eventually { try FileStatus.ofFile(at: folder.file(name))?.identity != identity })
    for number in stride(from: 0, to: 1000, by: 3) {
      #expect(try store.isRevoked(tokenID(number)), "\(number)")
    }
    let alarms = log.messages.count
    for number in stride(from: 0, to: 1000, by: 3) {
      #expect(try store.isRevoked(tokenID(number)), "\(number)")
    }
    #expect(log.messages.count == alarms)
  }

  @Test func aSnapshotOfAnotherLogIsIgnored() throws {
    try fill(0..<500)
    try store().makeSnapshot()
    // Written over in place: the same inode.
    try folder.write("other", "")
    let lines = try (500..<1500).map { number in
      String(
        decoding: RecordLine.seal(
          Revocation(tokenID: tokenID(number), revokedAt: 1, reason: "", revokedBy: "op").record),
        as: UTF8.self)
    }.joined()
    let file = try FileHandle(path: path, flags: .readWrite)
    try file.truncate(to: 0)
    try file.writeAll(Array(lines.utf8), at: 0)
    try expectRight(500..<1500, "written over")
    #expect(try !store().isRevoked(tokenID(0)))
    #expect(log.messages.contains { $0.contains("belongs to another log") })
    // Shorter than what was covered.
    try store().makeSnapshot()
    try file.truncate(to: lines.utf8.count / 1000 * 500 / 10 * 10)
    #expect(try store().isRevoked(tokenID(501)))
    #expect(try !store().isRevoked(tokenID(1499)))
    // Replaced.
    try folder.write("other", bytes: Array(lines.utf8))
    rename(folder.file("other"), path)
    try expectRight(500..<1500, "replaced")
  }

  @Test func aSnapshotThatOthersCouldWriteIsIgnored() throws {
    try fill(0..<500)
    try store().makeSnapshot()
    #expect(chmod(folder.file(try snapshotName()), 0o666) == 0)
    try expectRight(0..<500, "")
    #expect(log.messages.contains { $0.contains("can be written by others") })
  }

  @Test func aLongTailBecomesASnapshotWithoutBeingAskedFor() throws {
    let (store, other) = (store(tailLimit: 100), store(tailLimit: 100))
    for store in [store, other] { try store.prepare() }
    for number in 0..<150 {
      _ = try store.revoke(tokenID(number), reason: "", by: "op")
      #expect(try other.isRevoked(tokenID(number)))
    }
    #expect(try eventually { try names().contains { !$0.hasSuffix(".draft") } })
    for number in 150..<160 { _ = try store.revoke(tokenID(number), reason: "", by: "op") }
    for number in 0..<160 {
      #expect(try store.isRevoked(tokenID(number)) && other.isRevoked(tokenID(number)))
    }
    #expect(try !other.isRevoked(tokenID(160)))
    try expectRight(0..<160, "")
    #expect(log.messages.isEmpty, "\(log.messages)")
  }

  @Test func aLargeLogGetsItsSnapshotBeforeItIsRead() throws {
    try fill(0..<1000)
    let store = store(tailLimit: 100)
    try store.prepare()
    #expect(try names().count == 1)
    try expectRight(0..<1000, "")
  }

  /// A draft that a killed process left, and one that another process is at.
  @Test func draftsOfOthersAreReplacedOrLeft() throws {
    try fill(0..<300)
    let identity = try #require(try FileStatus.ofFile(at: path)?.identity)
    let draft = SnapshotPath.of(identity, log: path) + ".draft"
    try folder.write((draft as NSString).lastPathComponent, String(repeating: "x", count: 100_000))
    #expect(try store().makeSnapshot())
    #expect(try names().count == 1)
    try expectRight(0..<300, "")
    let other = try FileHandle(path: draft, flags: .create)
    #expect(try other.tryLock())
    #expect(try !store().makeSnapshot())
    try expectRight(0..<300, "")
  }

  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFullDiskLeavesTheSnapshotThatThereIs() throws {
    try #require(try Tool.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder.path]).status == 0)
    defer { _ = try? Tool.run(["umount", folder.path]) }
    try fill(0..<1000)
    try store().makeSnapshot()
    try fill(1000..<2400)
    #expect(throws: StoreError.self) {
      for _ in 0..<2 {
        try store().makeSnapshot()
        try fill(2400..<2500)
      }
    }
    let reader = self.store()
    try reader.prepare()
    for number in 0..<2400 { #expect(try reader.isRevoked(tokenID(number))) }
  }
}
