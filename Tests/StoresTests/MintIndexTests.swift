import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Stores

/// A list by subject or session reads little, and is the same with an index, without one, and with a wrong one.
@Suite struct MintIndexTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()

  private func store(retentionDays: Int = 0) -> JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), rotationSize: 400_000, indexStep: 50_000,
      retentionDays: retentionDays,
      clock: .system, logger: log.logger)
  }

  private func mint(_ number: Int) -> Mint {
    Mint(
      tokenID: "t\(number)", subject: "s\(number % 7)", role: "r\(number % 2)", issuedAt: number,
      expiry: number, kind: .sign, scope: String(repeating: "x", count: number % 400),
      sessionID: number % 11 == 0 ? "" : "i\(number / 50)",
      session: number % 13 == 0 ? "" : "d\(number / 40)")
  }

  /// Some archives, and a current file that is indexed for the most part.
  private func fill(_ store: JSONLMintAuditStore, _ count: Int = 5000) throws -> [Mint] {
    let mints = (0..<count).map(mint)
    for start in stride(from: 0, to: count, by: 100) { try store.append(Array(mints[start..<start + 100])) }
    #expect(try archives().count >= 2)
    return mints.reversed()
  }

  private func names(_ isWanted: (String) -> Bool = { $0.hasSuffix(".index") }) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasPrefix("mints.jsonl") && !$0.hasSuffix(".lock") && isWanted($0) }.sorted()
  }

  /// Has all indexes built, whatever is done in the background.
  private func index(_ store: JSONLMintAuditStore) throws {
    let isDone = try eventually(within: 30) {
      _ = try store.updateIndexes()
      let isWhole = try archives().allSatisfy { name in
        let path = folder.file(name)
        return try MintIndex(of: path, POSIX.FileHandle(path: path, flags: .read))?.header.modified ?? 0 > 0
      }
      return try isWhole && names { $0.hasSuffix(".new") }.isEmpty
    }
    #expect(isDone)
  }

  private func archives() throws -> [String] {
    try names { $0.hasPrefix("mints.jsonl.0") && !$0.contains(".index") }
  }

  private func list(
    _ store: JSONLMintAuditStore, limit: Int = 10_000, lines: Int = .max, _ change: (inout MintQuery) -> Void
  ) throws -> [Mint] {
    var query = MintQuery(limit: limit)
    query.budget.lines = lines
    change(&query)
    var all: [Mint] = []
    repeat {
      let page = try store.list(query)
      all += page.mints
      query.before = page.cursor
    } while query.before != nil
    return all
  }

  private func check(_ expected: [Mint], _ note: String = "") throws {
    let store = store()
    for (limit, lines) in [(10_000, Int.max), (3, .max), (10_000, 17)] {
      for subject in ["s0", "s6", "S0", "none"] {
        #expect(
          try list(store, limit: limit, lines: lines) { $0.subject = subject }
            == expected.filter { $0.subject.hasSameBytes(as: subject) },
          "\(note) \(subject) \(limit) \(lines)")
      }
      for session in ["i0", "i17", "i99", ""] {
        #expect(
          try list(store, limit: limit, lines: lines) { $0.sessionID = session }
            == expected.filter { $0.sessionID.hasSameBytes(as: session) },
          "\(note) \(session) \(limit) \(lines)")
      }
      for session in ["d0", "d17", "i17", ""] {
        #expect(
          try list(store, limit: limit, lines: lines) { $0.session = session }
            == expected.filter { $0.session.hasSameBytes(as: session) },
          "\(note) \(session) \(limit) \(lines)")
      }
    }
    #expect(
      try list(store) {
        $0.sessionID = "i30"
        $0.subject = "s3"
        $0.role = "r1"
      } == expected.filter { $0.sessionID == "i30" && $0.subject == "s3" && $0.role == "r1" }, "\(note)")
    for number in [0, 1, 2500, expected.count - 1] {
      #expect(try store.mint(withTokenID: "t\(number)") == mint(number), "\(note)")
    }
    #expect(try store.mint(withTokenID: "none") == nil)
  }

  @Test func aListIsTheSameWithAnIndexAndWithout() throws {
    let store = store()
    let mints = try fill(store)
    try index(store)
    #expect(try Set(names()).isSuperset(of: archives().map { "\($0).index" }))
    try check(mints)
    for name in try names() { try FileManager.default.removeItem(atPath: folder.file(name)) }
    #expect(try self.store().list(MintQuery(limit: 10_000)).mints == mints)
    try check(mints, "without")
  }

  /// Nobody asks for the indexes: they are there after a while.
  @Test func growthRotationAndListsHaveIndexesBuilt() throws {
    let store = store()
    let mints = try fill(store)
    let wanted = try archives().map { "\($0).index" }
    #expect(try eventually(within: 30) { try Set(names()).isSuperset(of: wanted) })
    let archive = folder.file(try #require(wanted.first))
    try FileManager.default.removeItem(atPath: archive)
    _ = try list(self.store()) { $0.subject = "none" }
    #expect(try eventually(within: 30) { FileManager.default.fileExists(atPath: archive) })
    try check(mints)
  }

  /// What is looked at for a session is a small part of the files.
  @Test func aListBySessionLooksAtFewLines() throws {
    let store = store()
    _ = try fill(store)
    try index(store)
    var query = MintQuery(limit: 200)
    query.sessionID = "i20"
    // All 5000 would need many calls.
    query.budget.lines = 1500
    var calls = 0
    var found = 0
    repeat {
      let page = try store.list(query)
      found += page.mints.count
      query.before = page.cursor
      calls += 1
    } while query.before != nil
    #expect(found == 45)
    #expect(calls == 1)
  }

  @Test func noIndexThatIsDamagedOrAnothersIsBelieved() throws {
    let store = store()
    let mints = try fill(store)
    try index(store)
    #expect(try eventually { try names { $0.hasSuffix(".new") }.isEmpty })
    let indexes = try names()
    let contents = try indexes.map { Array(try Data(contentsOf: URL(fileURLWithPath: folder.file($0)))) }
    var damages: [(String, ([UInt8]) -> [UInt8])] = [
      ("empty", { _ in [] }), ("NULs", { [UInt8](repeating: 0, count: $0.count) }),
      ("cut", { Array($0.dropLast(1)) }), ("half", { Array($0.prefix($0.count / 2)) }),
      ("another's", { _ in contents[0] }), ("random", { $0.map { $0 ^ 0x5a } }),
    ]
    for block in 0..<4 {
      damages.append(
        (
          "hole \(block)",
          { bytes in
            bytes.enumerated().map { $0.offset / 512 == block * 7 ? 0 : $0.element }
          }
        ))
    }
    for offset in stride(from: 0, to: 400, by: 29) {
      damages.append(
        (
          "byte \(offset)",
          { bytes in
            var bytes = bytes
            bytes[offset] ^= 0x10
            return bytes
          }
        ))
    }
    for (number, (name, damage)) in damages.enumerated() {
      for (index, content) in zip(indexes, contents) { try folder.write(index, bytes: damage(content)) }
      let store = self.store()
      let session = "i\(number * 3 % 100)"
      let found = try list(store) { $0.sessionID = session }
      #expect(found == mints.filter { $0.sessionID == session }, "\(name) \(session)")
      #expect(try store.mint(withTokenID: "t\(number)") == mint(number), "\(name)")
    }
  }

  /// Somebody wrote into an archive, put a backup back, or took bad records out.
  @Test func anIndexIsNotBelievedOfAFileThatChanged() throws {
    let store = store()
    _ = try fill(store)
    try index(store)
    for name in ["mints.jsonl", "mints.jsonl.000001"] {
      let text = try folder.read(name)
      // Lines without a checksum, as the peer writes them; one has another session of the same length.
      let lines = text.split(separator: "\n")
      let place = lines.count / 2
      var plain = mint(1)
      plain = Mint(
        tokenID: "new-\(name)", subject: plain.subject, role: "r", issuedAt: 1, expiry: 1, kind: .sign,
        sessionID: "wanted")
      var line = String(decoding: plain.members.finish().dropLast(), as: UTF8.self)
      let width = lines[place].utf8.count
      guard width > line.utf8.count + 8 else { continue }
      line += #","x":""# + String(repeating: "y", count: width - line.utf8.count - 8) + "\"}"
      var changed = lines.map(String.init)
      changed[place] = line + " "
      try folder.write(name, changed.joined(separator: "\n") + "\n")
    }
    let found = try list(self.store()) { $0.sessionID = "wanted" }
    #expect(found.contains { $0.tokenID == "new-mints.jsonl.000001" })
  }

  @Test func anArchiveTakesItsIndexWithIt() throws {
    let now = Clock.system.seconds
    let store = store(retentionDays: 30)
    for number in 0..<3000 {
      try store.append([
        Mint(
          tokenID: "t\(number)", subject: "s", role: "r", issuedAt: now - 40 * 86400 + number, expiry: now,
          kind: .sign, scope: String(repeating: "x", count: 300))
      ])
    }
    try index(store)
    let archives = try archives()
    #expect(archives.count > 1)
    for name in archives {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: Double(now - 40 * 86400))],
        ofItemAtPath: folder.file(name))
    }
    #expect(try store.removeOld(force: true) == archives.count - 1)
    let last = try #require(archives.last)
    let left = [last, "\(last).index"]
    #expect(try eventually { try names { $0.hasPrefix("mints.jsonl.0") } == left })
  }

  @Test func manyProcessesBuildOneIndexTogether() throws {
    let mints = try fill(store())
    let stores = (0..<4).map { _ in store() }
    _ = try concurrently(8) { try stores[$0 % 4].updateIndexes() }
    try index(store())
    try check(mints)
    #expect(try names { $0.hasSuffix(".new") }.isEmpty)
  }
}
