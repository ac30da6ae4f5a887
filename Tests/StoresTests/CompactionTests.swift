import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

/// No compaction frees a token that is still good but for its revocation.
@Suite struct CompactionTests {
  private static let day = 86400.0

  private let folder = TemporaryFolder()
  private let log = LogRecorder()
  private let clock = ManualClock()
  private var path: String { folder.file("revocations.jsonl") }

  private var store: JSONLRevocationStore {
    JSONLRevocationStore(path: path, clock: clock.clock, logger: log.logger)
  }
  private var mints: JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), retentionDays: 0, clock: clock.clock, logger: log.logger)
  }
  private func mint(_ tokenID: String, expiresIn seconds: Int) throws {
    let now = clock.clock.seconds
    try mints.append([
      Mint(tokenID: tokenID, subject: "s", role: "r", issuedAt: now, expiry: now + seconds, kind: .sign)
    ])
  }
  private func revoke(_ tokenID: String, expiresIn seconds: Int? = nil) throws {
    _ = try store.revoke(tokenID, reason: "", by: "op", expiry: seconds.map { clock.clock.seconds + $0 })
  }
  private func revokedIDs() throws -> [String] {
    let reader = try store.list(since: nil).makeReader()
    var all: [String] = []
    while let revocation = try reader.next() { all.append(revocation.tokenID) }
    return all
  }

  @Test func anExpiryInTheRecordNeedsNoMintAudit() throws {
    try revoke("short", expiresIn: 100)
    try revoke("long", expiresIn: 100_000)
    try revoke("unknown")
    clock.advance(159)
    #expect(try store.compact(mints: nil) == (kept: 3, dropped: 0))
    clock.advance(2)
    #expect(try store.compact(mints: nil) == (kept: 2, dropped: 1))
    #expect(try revokedIDs() == ["unknown", "long"])
  }

  @Test func whatTheMintAuditTellsIsWrittenDown() throws {
    try mint("a", expiresIn: 1000)
    try mint("q\"\\é", expiresIn: 1000)
    try mint("twice", expiresIn: 10)
    try mint("twice", expiresIn: 100_000)
    try mint("0123456789abcdef0123456789abcdef", expiresIn: 1000)
    let ids = ["a", "q\"\\é", "twice", "unknown", "0123456789abcdef0123456789abcdef"]
    for id in ids { try revoke(id) }
    #expect(try store.compact(mints: mints) == (kept: 5, dropped: 0))
    #expect(try revokedIDs() == ids.reversed())
    let files = try StoreFile.all(.revocations, path: path)
    #expect(files.first?.bad.count == 0)
    #expect(try store.revoke("a", reason: "", by: "").expiry == clock.clock.seconds + 1000)
    // The audit is gone, its dates are not.
    clock.advance(2000)
    #expect(try store.compact(mints: nil) == (kept: 2, dropped: 3))
    #expect(try revokedIDs() == ["unknown", "twice"])
  }

  /// Records of the peer's, and some that were edited by hand.
  @Test func recordsOfOthersAreDatedWhereTheyCanBe() throws {
    try mint("plain", expiresIn: 1000)
    try mint("dated", expiresIn: 1000)
    try mint("odd", expiresIn: 1000)
    let now = clock.clock.seconds
    try folder.write(
      "revocations.jsonl",
      """
      {"jti": "plain", "revoked_at": \(now), "reason": "}", "revoked_by": "op"} \r
      {"jti": "dated", "revoked_at": \(now), "exp": \(now + 50_000)}
      {"jti": "odd", "revoked_at": \(now), "exp": "soon"}
      {"jti": "timeless"}

      """)
    #expect(try store.compact(mints: mints) == (kept: 4, dropped: 0))
    #expect(try StoreFile.all(.revocations, path: path).first?.bad.count == 0)
    clock.advance(2000)
    #expect(try store.compact(mints: nil) == (kept: 3, dropped: 1))
    #expect(try revokedIDs() == ["timeless", "odd", "dated"])
  }

  /// A reason that looks like the member, and a jti that ends like one.
  @Test func aReasonIsNoExpiry() throws {
    let id = "0123456789abcdef0123456789abcdef"
    try mint(id, expiresIn: 1000)
    _ = try store.revoke(id, reason: #"","exp":1"#, by: #"x","exp":1"#)
    clock.advance(100)
    #expect(try store.compact(mints: mints) == (kept: 1, dropped: 0))
    #expect(try store.revoke(id, reason: "", by: "").reason == #"","exp":1"#)
    #expect(try store.revoke(id, reason: "", by: "").expiry == clock.clock.seconds + 900)
  }

  @Test func aClockFarAheadRemovesNothing() throws {
    try mint("a", expiresIn: 1000)
    try revoke("a", expiresIn: 1000)
    let text = try folder.read("revocations.jsonl")
    clock.advance(3650 * Self.day)
    #expect {
      try store.compact(mints: mints)
    } throws: {
      "\($0)".contains("3650 days ahead of the newest record") && "\($0)".contains("--force")
    }
    #expect(try folder.read("revocations.jsonl") == text)
    #expect(try store.isRevoked("a"))
    #expect(try Files.names(in: folder.path).allSatisfy { !$0.contains("compact") || $0.hasSuffix(".lock") })
    // It is right after all.
    #expect(try store.compact(mints: mints, force: true) == (kept: 0, dropped: 1))
  }

  /// Ten days are enough to free every revoked refresh token of the default lifetime.
  @Test func aClockSomeDaysAheadIsNotBelieved() throws {
    try mint("a", expiresIn: 7 * 86400)
    try revoke("a", expiresIn: 7 * 86400)
    clock.advance(10 * Self.day)
    #expect(try store.compact(mints: mints) == (kept: 1, dropped: 0))
    // Somebody has signed in since.
    try mint("b", expiresIn: 100)
    #expect(try store.compact(mints: mints) == (kept: 0, dropped: 1))
  }

  @Test func aClockFarBehindRemovesNothingAndBreaksNothing() throws {
    try mint("a", expiresIn: 1000)
    try revoke("a", expiresIn: 1000)
    clock.advance(-1_699_999_000)
    #expect(try store.compact(mints: mints) == (kept: 1, dropped: 0))
    try revoke("b", expiresIn: 1000)
    #expect(try store.compact(mints: mints) == (kept: 2, dropped: 0))
    // Set right again: the newest revocation is of 1970, but not the newest mint.
    clock.advance(1_699_999_000 + 2000)
    #expect(try store.compact(mints: mints) == (kept: 0, dropped: 2))
  }

  @Test func aTokenOfUnknownAgeIsKeptForAHundredYears() throws {
    try revoke("a")
    clock.advance(99 * 365 * Self.day)
    #expect(try store.compact(mints: nil, force: true) == (kept: 1, dropped: 0))
    clock.advance(366 * Self.day)
    #expect(try store.compact(mints: nil, force: true) == (kept: 0, dropped: 1))
  }

  @Test func readersForgetWhatWasDroppedAndNothingElse() throws {
    for number in 0..<500 { try revoke("old \(number)", expiresIn: 100) }
    for number in 0..<500 { try revoke("new \(number)", expiresIn: 100_000) }
    let (reader, writer) = (store, store)
    try reader.prepare()
    clock.advance(200)
    // Twice before the reader looks again.
    #expect(try store.compact(mints: nil) == (kept: 500, dropped: 500))
    try revoke("between", expiresIn: 100_000)
    #expect(try store.compact(mints: nil) == (kept: 501, dropped: 0))
    _ = try writer.revoke("after", reason: "", by: "")
    for number in 0..<500 {
      #expect(try reader.isRevoked("new \(number)"))
      #expect(try !reader.isRevoked("old \(number)"))
    }
    #expect(try reader.isRevoked("between") && reader.isRevoked("after"))
    #expect(log.messages.isEmpty, "\(log.messages)")
    #expect(try Files.names(in: folder.path).filter { $0.contains("snapshot") }.count == 1)
  }

  /// A token that was revoked in a log that somebody moved away stays revoked for those who knew, compactions or not.
  @Test func whatSomebodyMovedAwayIsNotForgotten() throws {
    try revoke("a", expiresIn: 100_000)
    let reader = store
    try reader.prepare()
    rename(path, folder.file("moved"))
    try revoke("b", expiresIn: 100_000)
    for _ in 0..<3 {
      #expect(try store.compact(mints: nil) == (kept: 1, dropped: 0))
      #expect(try reader.isRevoked("a") && reader.isRevoked("b"))
    }
    // The same where the look-ups miss the log in between.
    let other = store
    try other.prepare()
    rename(path, folder.file("moved too"))
    try revoke("c", expiresIn: 100_000)
    #expect(try store.compact(mints: nil) == (kept: 1, dropped: 0))
    #expect(try other.isRevoked("b") && other.isRevoked("c"))
    #expect(try !other.isRevoked("a"))
  }

  @Test func lookUpsUnderCompactionsAreAlwaysRight() throws {
    for number in 0..<500 { try revoke("t\(number)", expiresIn: 100_000) }
    let stores = (0..<3).map { _ in store }
    for store in stores { try store.prepare() }
    let wrong = try concurrently(3) { number -> Int in
      if number == 0 {
        for _ in 0..<6 { _ = try store.compact(mints: nil) }
        return 0
      }
      var wrong = 0
      for turn in 0..<1000 {
        if turn % 100 == 0 { _ = try stores[number].revoke("n\(number).\(turn)", reason: "", by: "") }
        if try !stores[number].isRevoked("t\(turn % 500)") { wrong += 1 }
        if try stores[number].isRevoked("u\(turn)") { wrong += 1 }
      }
      return wrong
    }
    #expect(wrong == [0, 0, 0])
    #expect(try revokedIDs().count == 520)
  }
}
