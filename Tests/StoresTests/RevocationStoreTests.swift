import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

@Suite struct RevocationStoreTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("revocations.jsonl") }

  private func line(_ jti: String) -> String {
    #"{"jti": "\#(jti)", "revoked_at": 1700000000.25, "reason": "é\"", "revoked_by": "op"}"# + "\n"
  }

  private func append(_ text: String) throws {
    if !FileManager.default.fileExists(atPath: path) { try folder.write("revocations.jsonl", "") }
    let handle = try #require(FileHandle(forWritingAtPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  @Test func seesWhatOthersAppend() throws {
    let store = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    let jti = "0123456789abcdef0123456789abcdef"
    #expect(try !store.isRevoked(jti))
    try append(line(jti))
    #expect(try store.isRevoked(jti))
    try append(line("any other text") + line("third"))
    #expect(try store.isRevoked("any other text"))
    #expect(try store.isRevoked("third"))
    #expect(try store.isRevoked(jti))
    #expect(try !store.isRevoked(jti.uppercased()))
    #expect(try !store.isRevoked("fourth"))
  }

  @Test func aLineStillBeingWrittenIsWaitedFor() throws {
    let store = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    let text = line("a")
    try append(String(text.prefix(20)))
    #expect(try !store.isRevoked("a"))
    try append(String(text.dropFirst(20)))
    #expect(try store.isRevoked("a"))
  }

  @Test func aReplacedOrShortenedFileIsReadAnew() throws {
    let store = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    try store.prepare()
    try append(line("a") + line("b"))
    #expect(try store.isRevoked("a"))
    try folder.write("new", line("b"))
    rename(folder.file("new"), path)
    // Nothing is forgotten, whatever happens to the file.
    #expect(try store.isRevoked("a"))
    #expect(try store.isRevoked("b"))
    truncate(path, 0)
    #expect(try store.isRevoked("b"))
    try append(line("c"))
    #expect(try store.isRevoked("c"))
    unlink(path)
    #expect(try store.isRevoked("c"))
  }

  /// A CGI script looks one token up, once. JSON has many spellings of one text.
  @Test(arguments: ["\\u0061bc", "a\\u0062c", "\\u0061\\u0062\\u0063"])
  func theFirstLookUpKnowsEverySpelling(_ spelling: String) throws {
    try append(line("other") + line(spelling) + line("third"))
    for store in (0..<2).map({ _ in
      JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    }) {
      #expect(try store.isRevoked("abc"))
      #expect(try !store.isRevoked(spelling))
    }
    let store = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    #expect(
      try store.revoke("abc", reason: "again", by: "x").revokedBy == "op", "the first entry is the answer")
  }

  @Test func damageIsAnAlarmToTheFirstLookUpToo() throws {
    let writer = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    for id in ["a1", "b2", "c3"] { _ = try writer.revoke(id, reason: "", by: "") }
    let whole = try folder.read("revocations.jsonl")
    for (sound, damaged) in [
      ("\"b2\"", "\"bx\""), ("\"jti\":\"b2", "\"jtj\":\"b2"), ("c3", "\\u006"), ("{", "["),
    ] {
      try folder.write("revocations.jsonl", whole.replacing(sound, with: damaged, maxReplacements: 1))
      for id in ["b2", "c3", "never revoked"] {
        let script = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
        // What stands in a sound line before the damage may be answered; nothing may pass.
        do {
          #expect(try script.isRevoked(id) && id != "never revoked", "\(damaged) \(id)")
        } catch is StoreError {
          continue
        }
      }
    }
  }

  @Test func aDamagedListIsAnErrorAndNotAnEmptyList() throws {
    let store = JSONLRevocationStore(path: path, clock: .system, logger: LogRecorder().logger)
    try store.prepare()
    try append(line("a") + "garbage\n" + line("b"))
    #expect(throws: StoreError.self) { try store.isRevoked("a") }
    #expect(throws: StoreError.self) { try store.isRevoked("b") }
  }
}
