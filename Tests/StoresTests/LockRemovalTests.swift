import Foundation
import POSIX
import Synchronization
import TestSupport
import Testing

@testable import Stores

/// `rsync --delete` and tidy administrators remove lock files while they are in use.
@Suite struct LockRemovalTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()

  /// Runs writers, each with a store of its own, while the file's lock is removed again and again.
  private func writing(_ name: String, _ write: @escaping @Sendable (_ writer: Int) throws -> [String]) throws
    -> Set<String>
  {
    let writers = 4
    let running = Atomic(writers)
    let lock = folder.file(name) + ".lock"
    let results = try concurrently(writers + 1) { number -> [String] in
      if number < writers {
        defer { running.subtract(1, ordering: .relaxed) }
        return try write(number)
      }
      while running.load(ordering: .relaxed) > 0 { unlink(lock) }
      return []
    }
    return Set(results.joined())
  }

  @Test func noAnsweredRevocationIsLost() throws {
    let path = folder.file("revocations.jsonl")
    let answered = try writing("revocations.jsonl") { [log] writer in
      let store = JSONLRevocationStore(path: path, clock: .system, logger: log.logger)
      return try (0..<300).map { number in
        let padding = String(repeating: "x", count: (number * 7 + writer * 31) % 200)
        return try store.revoke("\(writer).\(number)", reason: padding, by: "").tokenID
      }
    }
    #expect(answered.count == 1200)
    let reader = JSONLRevocationStore(path: path, clock: .system, logger: log.logger)
    try reader.prepare()
    #expect(try answered.filter { try !reader.isRevoked($0) } == [])
    #expect(!log.messages.contains { $0.contains("torn") })
  }

  @Test func noAnsweredMintIsLostWhileFilesRotate() throws {
    let path = folder.file("mints.jsonl")
    @Sendable func open() -> JSONLMintAuditStore {
      JSONLMintAuditStore(
        path: path, rotationSize: 5000, retentionDays: 0, clock: .system, logger: log.logger)
    }
    let answered = try writing("mints.jsonl") { writer in
      let store = open()
      return try (0..<300).map { number in
        let id = "\(writer).\(number)"
        try store.append([Mint(tokenID: id, subject: "s", role: "r", issuedAt: 1, expiry: 2, kind: .sign)])
        return id
      }
    }
    #expect(answered.count == 1200)
    #expect(try Set(open().list(MintQuery(limit: 10000)).mints.map(\.tokenID)) == answered)
  }

  @Test func noChallengeIsGoodTwiceAndNoneIsLost() throws {
    let path = folder.file("challenges.jsonl")
    @Sendable func open() -> JSONLChallengeStore {
      JSONLChallengeStore(path: path, lifetime: 60, limit: 100_000, clock: .system, logger: log.logger)
    }
    let store = open()
    let shared = try (0..<300).map { _ in try store.create(for: "a") }
    let uses = Mutex<[String: Int]>([:])
    let made = try writing("challenges.jsonl") { _ in
      let store = open()
      return try shared.map { challenge in
        if try store.consume(challenge, for: "a") { uses.withLock { $0[challenge, default: 0] += 1 } }
        return try store.create(for: "b")
      }
    }
    #expect(uses.withLock { uses in shared.allSatisfy { uses[$0] == 1 } })
    #expect(made.count == 1200)
    #expect(try made.filter { try !store.consume($0, for: "b") } == [])
  }
}
