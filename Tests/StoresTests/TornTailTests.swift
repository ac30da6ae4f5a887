import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

/// What a power cut leaves of appends that nobody was answered for: any subset of their 512-byte sectors.
@Suite struct TornTailTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private var path: String { folder.file("revocations.jsonl") }

  private var store: JSONLRevocationStore {
    JSONLRevocationStore(path: path, clock: ManualClock().clock, logger: log.logger)
  }
  private var mints: JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), retentionDays: 0, clock: ManualClock().clock, logger: log.logger)
  }

  private func record(_ id: String, size: Int = 100) -> [UInt8] {
    RecordLine.seal(
      Revocation(
        tokenID: id, revokedAt: 1, reason: String(repeating: "r", count: size), revokedBy: "op"
      ).json)
  }

  /// Whether it's safe to say what a store does with an image: it starts, knows what was answered and every
  /// unanswered record that is whole, takes another record, and starts again.
  private func check(
    _ image: [UInt8], durable: Int = 0, answered: [String], whole: [String], _ name: Comment
  ) throws {
    try write(image, durable: durable)
    for id in answered { #expect(try store.isRevoked(id), name) }
    let reader = store
    #expect(throws: Never.self, name) { try reader.prepare() }
    for id in answered + whole {
      #expect(try reader.isRevoked(id), name)
      // A script searches the file for it.
      #expect(try store.isRevoked(id), name)
    }
    #expect(try !store.isRevoked("none"), name)
    var listed: [String] = []
    let list = try reader.list(since: nil).makeReader()
    while let revocation = try list.next() { listed.append(revocation.tokenID) }
    #expect(Set(listed).isSuperset(of: answered), name)
    _ = try store.revoke("new", reason: "", by: "op")
    let late = store
    #expect(throws: Never.self, name) { try late.prepare() }
    for id in answered + whole + ["new"] {
      #expect(try late.isRevoked(id), name)
      #expect(try reader.isRevoked(id), name)
    }
    #expect(try !Data(contentsOf: URL(fileURLWithPath: path)).contains(0), name)
  }

  private func write(_ image: [UInt8], durable: Int = 0) throws {
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.removeItem(atPath: path + ".torn-1700000000")
    try folder.write("revocations.jsonl", bytes: image)
    LostWrite.noteDurableSize(durable, of: try FileHandle(path: path, flags: .readWrite))
  }

  /// An image in which some sectors of what stands behind `durable` bytes never reached the disk.
  private func losing(_ subset: Int, of whole: [UInt8], behind durable: Int) -> [UInt8] {
    var image = whole
    for (number, sector) in stride(from: durable / 512 * 512, to: whole.count, by: 512).enumerated()
    where subset >> number & 1 == 1 {
      for index in max(sector, durable)..<min(sector + 512, whole.count) { image[index] = 0 }
    }
    return image
  }

  private func subsets(of whole: [UInt8], behind durable: Int) -> Range<Int> {
    0..<1 << ((whole.count - 1) / 512 - durable / 512 + 1)
  }

  /// The identifiers of those records that are whole in an image.
  private func whole(_ records: [(id: String, bytes: [UInt8])], in image: [UInt8]) -> [String] {
    records.filter { image.firstIndex(of: $0.bytes) != nil }.map(\.id)
  }

  @Test(arguments: [0, 1, 2])
  func anySubsetOfUnansweredSectorsMayBeLost(answeredCount: Int) throws {
    let answered = (0..<answeredCount).map { "answered\($0)" }
    for id in answered { _ = try store.revoke(id, reason: "x", by: "op") }
    let start = answered.isEmpty ? [] : Array(try folder.read("revocations.jsonl").utf8)
    let tail = [("a", 500), ("b", 10), ("c", 900), ("d", 30)].map { ($0.0, record($0.0, size: $0.1)) }
    let full = start + tail.flatMap(\.1)
    for subset in subsets(of: full, behind: start.count) {
      let image = losing(subset, of: full, behind: start.count)
      try check(
        image, durable: subset % 2 * start.count, answered: answered, whole: whole(tail, in: image),
        "lost: \(String(subset, radix: 2))")
    }
    #expect(log.messages.contains { $0.contains("torn record set aside") })
  }

  /// Whole records behind a torn line stay, the line is blanked in two steps, and the power may fail in each.
  @Test func aPowerCutWhileATornLineIsBlankedLeavesATornLine() throws {
    let (first, last) = (record("first"), record("last"))
    let torn = [UInt8](repeating: UInt8(ascii: "x"), count: 300) + [UInt8](repeating: 0, count: 3000)
    var image = first + torn
    image += [UInt8](repeating: 0, count: 512 - image.count % 512)
    image += [UInt8](repeating: UInt8(ascii: "y"), count: 700) + [UInt8(ascii: "\n")]
    let end = image.count
    image += last
    var (zeroed, blanked) = (image, image)
    for index in first.count..<end - 1 { zeroed[index] = 0 }
    for index in first.count..<end { blanked[index] = UInt8(ascii: "\n") }
    try check(image, answered: ["first"], whole: ["last"], "before")
    #expect(Array(try folder.read("revocations.jsonl").utf8).starts(with: blanked))
    for (from, to) in [(image, zeroed), (zeroed, blanked)] {
      for subset in subsets(of: from, behind: first.count) {
        var mixed = from
        for (number, sector) in stride(from: 0, to: from.count, by: 512).enumerated()
        where subset >> number & 1 == 1 {
          for index in sector..<min(sector + 512, from.count) { mixed[index] = to[index] }
        }
        try write(mixed, durable: first.count)
        let reader = store
        #expect(throws: Never.self, "\(String(subset, radix: 2))") { try reader.prepare() }
        #expect(try reader.isRevoked("last"))
      }
    }
  }

  @Test(arguments: [(0, 2 << 20), (0x78, 1 << 20), (0x78, 3 << 20), (0, 32 << 20)])
  func anEndOfAnySizeIsSetAside(byte: UInt8, count: Int) throws {
    let bytes = [UInt8](repeating: byte, count: count)
    try check(record("a") + bytes, answered: ["a"], whole: [], "no newline")
    let aside = try FileStatus.ofFile(at: path + ".torn-1700000000")
    #expect(aside?.size == count)
    #expect(try FileStatus.ofFile(at: path)?.size ?? 0 < 1000)
    guard byte == 0, count < 4 << 20 else { return }
    let newline = [UInt8(ascii: "\n")]
    try check(bytes + newline + record("a"), answered: ["a"], whole: [], "at the beginning")
    try check(
      record("a") + bytes + newline + record("b"), answered: ["a"], whole: ["b"], "with a record behind")
  }

  @Test func mintsGoOnBehindATornEnd() throws {
    func mint(_ id: String) -> Mint {
      Mint(tokenID: id, subject: "s", role: "r", issuedAt: 1, expiry: 2, kind: .sign)
    }
    try mints.append([mint("a")])
    let start = try folder.read("mints.jsonl")
    try folder.write("mints.jsonl", start + String(repeating: "\0", count: 32 << 20))
    try mints.append([mint("b")])
    #expect(try mints.list(MintQuery(limit: 10)).mints.map(\.tokenID) == ["b", "a"])
    #expect(try folder.read("mints.jsonl").hasPrefix(start))
    #expect(try folder.read("mints.jsonl").utf8.count < 1000)
  }

  /// The disk had it once, so that it is no lost write.
  @Test func aSectorThatWasOnTheDiskAndIsGoneIsAnAlarm() throws {
    _ = try store.revoke("a", reason: String(repeating: "x", count: 2000), by: "op")
    _ = try store.revoke("b", reason: "", by: "op")
    var bytes = Array(try folder.read("revocations.jsonl").utf8)
    for index in 512..<1024 { bytes[index] = 0 }
    try folder.write("revocations.jsonl", bytes: bytes)
    #expect(throws: StoreError.self) { try store.prepare() }
  }

  @Test func damageWithoutNULsIsAnAlarmWhereverItIs() throws {
    for text in [[UInt8](repeating: 0x78, count: 3 << 20), Array("garbage".utf8), [0x78, 0, 0x78]] {
      try write(record("a") + text + [UInt8(ascii: "\n")])
      #expect(throws: StoreError.self) { try store.prepare() }
      // Nor is it taken for a torn one by a writer.
      #expect(throws: StoreError.self) { try store.revoke("b", reason: "", by: "") }
      #expect(try FileStatus.ofFile(at: path + ".torn-1700000000") == nil)
      #expect(throws: StoreError.self) { try store.prepare() }
    }
  }

  /// A file that was cut by another program has less on the disk than was noted.
  @Test func whatIsAppendedAfterACutCanBeTorn() throws {
    _ = try store.revoke("a", reason: String(repeating: "x", count: 2000), by: "op")
    truncate(path, 0)
    _ = try store.revoke("b", reason: "", by: "op")
    let start = try folder.read("revocations.jsonl")
    try folder.write("revocations.jsonl", start + String(repeating: "\0", count: 3000))
    let reader = store
    try reader.prepare()
    #expect(try reader.isRevoked("b"))
  }
}
