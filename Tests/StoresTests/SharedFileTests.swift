import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Stores

/// What crashes, full disks and other programs do to the files.
@Suite struct SharedFileTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private let clock = ManualClock()

  private var revocations: JSONLRevocationStore {
    JSONLRevocationStore(
      path: folder.file("revocations.jsonl"), clock: clock.clock, logger: log.logger)
  }
  private var mints: JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), rotationSize: 100_000, retentionDays: 30, clock: clock.clock,
      logger: log.logger)
  }

  private func mint(_ id: String) -> Mint {
    Mint(tokenID: id, subject: "s", role: "r", issuedAt: 1, expiry: 2, kind: .sign)
  }
  private func mintIDs() throws -> [String] {
    try mints.list(MintQuery(limit: 100)).mints.map(\.tokenID)
  }
  private func revokedIDs() throws -> [String] {
    var all: [String] = []
    let reader = try revocations.list(since: nil).makeReader()
    while let revocation = try reader.next() { all.append(revocation.tokenID) }
    return all
  }
  private func setAside() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.contains(".torn-") }
  }

  @Test func aRevocationFileCutAnywhereInItsLastTwoRecordsLosesNoWholeOne() throws {
    for id in ["a", "b", "c"] { _ = try revocations.revoke(id, reason: "é", by: "op") }
    let whole = Array(try folder.read("revocations.jsonl").utf8)
    let lines = whole.split(separator: 0x0a)
    for cut in lines[0].count + 1..<whole.count {
      try folder.write("revocations.jsonl", bytes: Array(whole[..<cut]))
      clock.advance(1)
      // A line without its newline is whole all the same.
      let complete =
        1 + (cut >= lines[0].count + 1 + lines[1].count ? 1 : 0)
        + (cut >= whole.count - 1 ? 1 : 0)
      let ids = Array(["a", "b", "c"].prefix(complete))
      let reader = revocations
      for id in ids { #expect(try reader.isRevoked(id), "\(cut)") }
      _ = try revocations.revoke("new", reason: "", by: "")
      #expect(try revokedIDs() == ["new"] + ids.reversed(), "\(cut)")
      #expect(try reader.isRevoked("new"))
    }
    #expect(try setAside().count > 100)
    #expect(log.messages.contains { $0.contains("torn record set aside") })
  }

  @Test func aMintFileCutAnywhereInItsLastTwoRecordsLosesNoWholeOne() throws {
    for id in ["a", "b", "c"] { try mints.append([mint(id)]) }
    let whole = Array(try folder.read("mints.jsonl").utf8)
    let width = whole.count / 3
    for cut in width..<whole.count {
      try folder.write("mints.jsonl", bytes: Array(whole[..<cut]))
      clock.advance(1)
      let complete = ["a", "b", "c"].prefix((cut + 1) / width)
      try mints.append([mint("new")])
      #expect(try mintIDs() == ["new"] + complete.reversed(), "\(cut)")
    }
    #expect(try setAside().count > 100)
  }

  @Test func aFlippedBitAnywhereInTheMiddleIsNoticed() throws {
    for id in ["a", "b", "c"] { _ = try revocations.revoke(id, reason: "why", by: "op") }
    let whole = Array(try folder.read("revocations.jsonl").utf8)
    let line = try #require(whole.firstIndex(of: 0x0a)) + 1
    let next = try #require(whole[line...].firstIndex(of: 0x0a))
    for position in line...next {
      for bit in 0..<8 {
        var damaged = whole
        damaged[position] ^= 1 << bit
        try folder.write("revocations.jsonl", bytes: damaged)
        #expect(throws: StoreError.self, "byte \(position - line) bit \(bit)") {
          try revocations.prepare()
        }
        let files = try StoreFile.all(.revocations, path: folder.file("revocations.jsonl"))
        #expect(files.first?.bad.first.first?.line == 2)
      }
    }
  }

  @Test func aDamagedMintIsPassedOverWithAnAlarm() throws {
    for id in ["a", "b", "c"] { try mints.append([mint(id)]) }
    let text = try folder.read("mints.jsonl").replacingOccurrences(of: "\"b\"", with: "\"x\"")
    try folder.write("mints.jsonl", text)
    #expect(try mintIDs() == ["c", "a"])
    #expect(log.messages.contains { $0.contains("damaged record") })
  }

  @Test func furtherMembersAreAllowed() throws {
    for member in [#""env":"prod""#, #""a":1"#, #""xyz":{}"#, #""x":"1a2b3c4d""#] {
      try folder.write("revocations.jsonl", #"{"jti":"a","revoked_at":1.5,"reason":"",\#(member)}"# + "\n")
      try revocations.prepare()
      #expect(try revocations.isRevoked("a"))
    }
  }

  @Test func aRepairTakesOutWhatIsBadAndKeepsIt() throws {
    for id in ["a", "b"] { _ = try revocations.revoke(id, reason: "", by: "op") }
    let path = folder.file("revocations.jsonl")
    let text = try folder.read("revocations.jsonl")
    try folder.write("revocations.jsonl", "garbage\n" + text)
    #expect(throws: StoreError.self) { try revocations.prepare() }
    let file = try #require(StoreFile.all(.revocations, path: path).first)
    #expect(file.bad.first.map(\.line) == [1])
    #expect(file.records == 2)
    let outcome = try #require(try file.repair(clock: clock.clock, logger: log.logger))
    #expect(outcome.dropped.first.map(\.line) == [1])
    #expect(outcome.dropped.first.first?.reason.contains("garbage") == true)
    #expect(try folder.read("revocations.jsonl") == text)
    #expect(try folder.read("revocations.jsonl.bad-\(clock.clock.seconds)") == "garbage\n")
    try revocations.prepare()
  }

  @Test func thePeersFilesLoadAndOursAreTheirs() throws {
    try folder.write(
      "revocations.jsonl",
      """
      {"jti": "aa", "revoked_at": 1700000000.123, "reason": "é \\"x\\"", "revoked_by": "op"}
      {"jti": "bb", "revoked_at": 1700000001, "reason": "", "revoked_by": ""}

      """)
    try folder.write(
      "mints.jsonl",
      """
      {"jti": "m1", "sub": "s", "role": "agent", "iat": 1, "exp": 2, "kind": "sign", "scope": "", "agent_id": "a", "session_id": "x"}

      """)
    let store = revocations
    #expect(try store.isRevoked("aa"))
    #expect(try store.revoke("aa", reason: "again", by: "x").reason == "é \"x\"")
    _ = try store.revoke("cc", reason: "", by: "")
    #expect(try revokedIDs() == ["cc", "bb", "aa"])
    try mints.append([mint("m2")])
    let all = try mints.list(MintQuery(limit: 10)).mints
    #expect(all.map(\.tokenID) == ["m2", "m1"])
    #expect(all[1].agentID == "a")
  }

  @Test func aRenameByLogrotateLosesNothing() throws {
    let (writer, reader) = (revocations, revocations)
    try reader.prepare()
    _ = try writer.revoke("a", reason: "", by: "")
    #expect(try reader.isRevoked("a"))
    rename(folder.file("revocations.jsonl"), folder.file("revocations.jsonl.1"))
    _ = try writer.revoke("b", reason: "", by: "")
    // Whoever moves the list away makes no token good again.
    #expect(try reader.isRevoked("a"))
    #expect(try reader.isRevoked("b"))
    #expect(try folder.read("revocations.jsonl.1").contains("\"a\""))
    #expect(try folder.read("revocations.jsonl").contains("\"b\""))

    let audit = mints
    try audit.append([mint("a")])
    rename(folder.file("mints.jsonl"), folder.file("mints.jsonl.1"))
    try audit.append([mint("b")])
    #expect(try folder.read("mints.jsonl.1").contains("\"a\""))
    #expect(try folder.read("mints.jsonl").contains("\"b\""))
  }

  @Test func aCutByCopytruncateIsLogged() throws {
    let (writer, reader) = (revocations, revocations)
    _ = try writer.revoke("a", reason: "", by: "")
    #expect(try !reader.isRevoked("x"))
    #expect(try reader.isRevoked("a"))
    truncate(folder.file("revocations.jsonl"), 0)
    #expect(try reader.isRevoked("a"))
    #expect(log.messages.contains { $0.contains("another program cut or overwrote the file") })
    _ = try writer.revoke("b", reason: "", by: "")
    #expect(try reader.isRevoked("b"))
  }

  /// As an editor does that writes into the file, or somebody who copies another list over it.
  @Test func aFileWrittenOverIsReadAnew() throws {
    let path = folder.file("revocations.jsonl")
    let (reader, writer) = (revocations, revocations)
    _ = try writer.revoke("a", reason: "", by: "")
    try reader.prepare()
    let old = try folder.read("revocations.jsonl")
    let others = try ["b", "c"].map { id in
      String(
        decoding: RecordLine.seal(Revocation(tokenID: id, revokedAt: 1, reason: "", revokedBy: "").json),
        as: UTF8.self)
    }
    for text in [others.joined(), others[0] + old] {
      let handle = try #require(FileHandle(forWritingAtPath: path))
      try handle.truncate(atOffset: 0)
      try handle.write(contentsOf: Data(text.utf8))
      try handle.close()
      #expect(try !reader.isRevoked("x"))
    }
    for id in ["a", "b", "c"] { #expect(try reader.isRevoked(id), "\(id)") }
    #expect(log.messages.filter { $0.contains("another program cut or overwrote the file") }.count >= 2)
  }

  /// What a torn record leaves behind when it is set aside is not taken for a file that was cut.
  @Test func aMendedEndIsNoCut() throws {
    let reader = revocations
    _ = try revocations.revoke("a", reason: "", by: "")
    let whole = try folder.read("revocations.jsonl")
    try folder.write("revocations.jsonl", whole + whole.prefix(60))
    try reader.prepare()
    _ = try revocations.revoke("b", reason: "", by: "")
    #expect(try reader.isRevoked("b"))
    #expect(!log.messages.contains { $0.contains("another program cut or overwrote the file") })
  }

  /// Whoever still has the lock of a folder that was moved away must not take it for the lock of the new one.
  @Test func locksAreThoseOfTheFolderThatHasTheName() throws {
    let state = folder.file("state")
    let store = JSONLRevocationStore(path: "\(state)/revocations.jsonl", clock: .system, logger: log.logger)
    _ = try store.revoke("a", reason: "", by: "")
    let lock = try #require(try FileStatus.ofFile(at: "\(state)/revocations.jsonl.lock"))
    rename(state, folder.file("old"))
    try FileManager.default.copyItem(atPath: folder.file("old"), toPath: state)
    _ = try store.revoke("b", reason: "", by: "")
    let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
    }
    #expect(open.contains("\(state)/revocations.jsonl.lock"))
    #expect(!open.contains("\(folder.file("old"))/revocations.jsonl.lock"))
    #expect(try FileStatus.ofFile(at: "\(state)/revocations.jsonl.lock")?.identity != lock.identity)
  }

  @Test func compactingLeavesRecordsAsTheyAre() throws {
    let line = #"{"jti": "a", "revoked_at": 5, "reason": "", "revoked_by": "", "expires_at": 7}"# + "\n"
    try folder.write("revocations.jsonl", line)
    #expect(try revocations.compact(mints: nil, force: true) == (kept: 1, dropped: 0))
    #expect(try folder.read("revocations.jsonl") == line)
  }

  @Test func whatCannotBeCompactedIsAnErrorAndStays() throws {
    let long = #"{"jti": "\#(String(repeating: "x", count: 1 << 20))"}"# + "\n"
    for text in [long, "garbage\n"] {
      try folder.write("revocations.jsonl", text)
      #expect(throws: StoreError.self) { try revocations.compact(mints: nil) }
      #expect(try folder.read("revocations.jsonl") == text)
    }
  }

  @Test func aFileFromTheFarFutureIsAsGoodAsAnother() throws {
    _ = try revocations.revoke("a", reason: "", by: "")
    var times = [timespec(tv_sec: 20_000_000_000, tv_nsec: 0), timespec(tv_sec: 20_000_000_000, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, folder.file("revocations.jsonl"), &times, 0) == 0)
    #expect(try revocations.isRevoked("a"))
  }

  /// What was on the disk before a file was cut says nothing of what is written after.
  @Test func afterACutTheDiskIsWaitedForAgain() throws {
    let path = folder.file("log")
    _ = try FileHandle(path: path, flags: .create)
    let file = try LogFile(try FileHandle(path: path, flags: .append), path: path)
    #expect(try file.append(Array("abc\n".utf8), size: 0) == 4)
    try file.waitUntilDurable(4)
    #expect(!file.wasCut(to: 4))
    #expect(file.wasCut(to: 3))
  }

  @Test func compactingKeepsWhatIsToBeKept() throws {
    for number in 0..<100 {
      let lifetime = number % 10 == 7 ? 1000 : 100
      _ = try revocations.revoke("t\(number)", reason: "", by: "", expiry: clock.clock.seconds + lifetime)
    }
    let reader = revocations
    try reader.prepare()
    clock.advance(200)
    let counts = try revocations.compact(mints: nil)
    #expect(counts == (kept: 10, dropped: 90))
    #expect(try revokedIDs() == (0..<10).reversed().map { "t\($0)7" }.map { $0 == "t07" ? "t7" : $0 })
    let late = revocations
    try late.prepare()
    #expect(try late.isRevoked("t17"))
    #expect(try !late.isRevoked("t18"))
    #expect(try reader.isRevoked("t17"))
    _ = try reader.revoke("new", reason: "", by: "")
    #expect(try late.isRevoked("new"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("revocations.jsonl.compact")))
  }

  @Test func compactionsUnderWritersLoseNothing() throws {
    let stores = (0..<4).map { _ in revocations }
    let kept = try concurrently(6) { number -> [String] in
      if number >= 4 {
        for _ in 0..<25 { _ = try stores[number - 4].compact(mints: nil) }
        return []
      }
      return try (0..<100).map { try stores[number].revoke("\(number).\($0)", reason: "", by: "").tokenID }
    }
    #expect(try Set(revokedIDs()) == Set(kept.joined()))
    #expect(try revokedIDs().count == 400)
  }

  @Test func aFirstLookUpFindsWhatALoadedListHas() throws {
    let padding = String(repeating: "x", count: 200)
    let writer = revocations
    for number in 0..<3000 { _ = try writer.revoke("t\(number)", reason: padding, by: "") }
    for id in ["t0", "t1499", "t2999"] { #expect(try revocations.isRevoked(id)) }
    #expect(try !revocations.isRevoked("t3000"))
    // In a reason, or as part of another identifier, it revokes nothing.
    #expect(try !revocations.isRevoked(padding))
    #expect(try !revocations.isRevoked("t"))
  }
}
