import Foundation
import Logging
import POSIX
import Synchronization
import TestSupport
import Testing

@testable import Stores

@Suite struct RepairTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private let clock = ManualClock().clock
  private var path: String { folder.file("revocations.jsonl") }

  private var store: JSONLRevocationStore {
    JSONLRevocationStore(path: path, clock: clock, logger: log.logger)
  }
  private let ids = (0..<60).map { "token\($0)" }

  private func line(_ id: String, reason: String = "lost {\"x\"}") -> [UInt8] {
    RecordLine.seal(Revocation(tokenID: id, revokedAt: 5, reason: reason, revokedBy: "op").json)
  }
  private var lines: [[UInt8]] { ids.map { line($0) } }

  private func repair() throws -> StoreRepair.Outcome? {
    let file = try #require(try StoreFile.all(.revocations, path: path).first)
    return try file.repair(clock: clock, logger: log.logger)
  }
  /// Repairs these bytes; all these tokens are revoked then.
  private func repair(_ bytes: [UInt8], revoked: [String]) throws -> StoreRepair.Outcome {
    try? FileManager.default.removeItem(atPath: path)
    try? FileManager.default.removeItem(atPath: "\(path).bad-\(clock.seconds)")
    try folder.write("revocations.jsonl", bytes: bytes)
    let outcome = try #require(try repair())
    let reader = store
    try reader.prepare()
    for id in revoked { #expect(try reader.isRevoked(id), "\(id)") }
    #expect(try repair() == nil)
    #expect(try !reader.isRevoked("other"))
    return outcome
  }

  @Test func whatAnEditorDoesToLinesLosesNothing() throws {
    let bom: [UInt8] = [0xef, 0xbb, 0xbf]
    let variants: [(String, [UInt8])] = [
      ("CRLF", lines.flatMap { $0.dropLast() + [13, 10] }), ("glued", lines.flatMap { $0.dropLast() }),
      ("glued in parts", Array(lines.map { $0.dropLast() }.joined(separator: [UInt8(ascii: " ")]))),
      ("BOM", bom + lines.joined()), ("BOM, CRLF", bom + lines.flatMap { $0.dropLast() + [13, 10] }),
      ("CR", lines.flatMap { $0.dropLast() + [13] }),
      ("indented", lines.flatMap { [32, 9] + $0 }),
    ]
    for (name, bytes) in variants {
      let outcome = try repair(bytes, revoked: ids)
      #expect(outcome.isComplete, "\(name)")
      #expect(
        try folder.read("revocations.jsonl") == String(decoding: lines.joined(), as: UTF8.self), "\(name)")
      #expect(try FileStatus.ofFile(at: "\(path).bad-\(clock.seconds)") == nil, "\(name)")
    }
  }

  /// A flipped bit anywhere in a record: the revocation stays where its identifier can be read, its neighbours always.
  @Test func aFlippedBitRevokesNothingLess() throws {
    let record = line("0123456789abcdef", reason: "why")
    for position in 0..<record.count {
      var damaged = record
      damaged[position] ^= 4
      let isInIdentifier = (8..<24).contains(position)
      let outcome = try repair(
        line("before") + damaged + line("behind"),
        revoked: ["before", "behind"] + (isInIdentifier ? [] : ["0123456789abcdef"]))
      #expect(!outcome.isComplete, "\(position)")
      #expect(outcome.doubtful.count + outcome.dropped.count > 0)
      #expect(outcome.doubtful.first.allSatisfy { $0.line == 2 && $0.offset >= line("before").count })
    }
  }

  @Test func aRepairGoesOnAtTheNextRecordWhateverStandsBefore() throws {
    let long = (1 << 20) + 1
    let cut = Array(line("cut").prefix(70))
    for (name, junk, doubtful, dropped) in [
      ("garbage", Array("garbage".utf8), 0, 1), ("1 MiB", [UInt8](repeating: 0x78, count: 1 << 20), 0, 1),
      ("more", [UInt8](repeating: 0x78, count: long), 0, 1),
      ("braces", [UInt8](repeating: 0x7b, count: long), 0, 1),
      ("NULs", [UInt8](repeating: 0, count: 2 << 20), 0, 2), ("a record cut short", cut, 1, 0),
    ] as [(String, [UInt8], Int, Int)] {
      for end in [[], [UInt8(ascii: "\n")]] as [[UInt8]] {
        let outcome = try repair(line("a") + junk + end + line("b"), revoked: ["a", "b"])
        #expect(outcome.doubtful.count == doubtful, "\(name)")
        #expect((1...2).contains(outcome.dropped.count) == (dropped > 0), "\(name)")
        #expect(!outcome.isComplete)
      }
    }
    #expect(try repair(line("a") + cut, revoked: ["a", "cut"]).doubtful.count == 1)
    #expect(try repair(line("a") + line("b").dropLast(), revoked: ["a", "b"]).isComplete)
  }

  /// Of a file whose newlines were all lost, more than fits into the window.
  @Test func aLineOfManyRecordsIsTakenApart() throws {
    let many = (0..<15_000).map { "many\($0)" }
    let outcome = try repair(
      many.flatMap { line($0, reason: "\($0)").dropLast() }, revoked: [many[0], many[14_999]])
    #expect(outcome.isComplete)
    #expect(outcome.recovered == 15_000)
    #expect(try StoreFile.all(.revocations, path: path).first?.records == 15_000)
  }

  @Test func whatIsAppendedDuringARepairIsKept() throws {
    try folder.write("revocations.jsonl", bytes: Array("garbage\n".utf8) + lines.joined())
    let isRepaired = Atomic(false)
    let answered = try concurrently(3) { [log, clock, path] number -> [String] in
      if number == 0 {
        defer { isRepaired.store(true, ordering: .relaxed) }
        for round in 0..<20 {
          _ = try StoreRepair(
            kind: .revocations, path: path, clock: Clock { clock.now + Double(round) }, logger: log.logger
          ).run()
        }
        return []
      }
      // A store that looks at no damage there was.
      let appender = AppendLog(path: path, clock: clock, logger: log.logger)
      var answered: [String] = []
      while !isRepaired.load(ordering: .relaxed) {
        let id = "\(number).\(answered.count)"
        let end = try appender.locked {
          try appender.append(
            RecordLine.seal(Revocation(tokenID: id, revokedAt: 5, reason: "", revokedBy: "").json),
            at: try appender.open { _ in })
        }
        try appender.waitUntilDurable(end) { _ in }
        answered.append(id)
      }
      return answered
    }.joined()
    let reader = store
    try reader.prepare()
    for id in ids + answered { #expect(try reader.isRevoked(id), "\(id)") }
    #expect(!FileManager.default.fileExists(atPath: path + ".repaired"))
  }

  @Test func mintsAreTakenApartToo() throws {
    let mints = (0..<5).map {
      RecordLine.seal(
        Mint(tokenID: "m\($0)", subject: "s", role: "r", issuedAt: 1, expiry: 2, kind: .sign).members.finish()
      )
    }
    let path = folder.file("mints.jsonl")
    try folder.write("mints.jsonl", bytes: mints.flatMap { $0.dropLast() + [13] })
    let file = try #require(try StoreFile.all(.mints, path: path).first)
    #expect(try file.repair(clock: clock, logger: log.logger)?.isComplete == true)
    #expect(try StoreFile.all(.mints, path: path).first?.records == 5)
  }
}
