import Foundation
import Logging
import POSIX
import TestSupport
import Testing

@testable import Stores

/// Lists of mints that are read in small steps, while others mint.
@Suite struct MintScanTests {
  private let folder = TemporaryFolder()
  private let log = LogRecorder()

  private func store(rotationSize: Int = 2000) -> JSONLMintAuditStore {
    JSONLMintAuditStore(
      path: folder.file("mints.jsonl"), rotationSize: rotationSize, retentionDays: 0, clock: .system,
      logger: log.logger)
  }

  private func mint(_ number: Int) -> Mint {
    Mint(tokenID: "t\(number)", subject: "s", role: "r", issuedAt: number, expiry: number, kind: .sign)
  }

  @Test(arguments: [1, 3, 1000])
  func aListInStepsMissesNothingWhileFilesRotate(_ lines: Int) throws {
    let store = store()
    for number in 0..<100 { try store.append([mint(number)]) }
    var query = MintQuery(limit: 7)
    query.budget.lines = lines
    var listed: [String] = []
    var next = 1000
    repeat {
      let page = try self.store().list(query)
      listed += page.mints.map(\.tokenID)
      query.before = page.cursor
      for _ in 0..<5 {
        try store.append([mint(next)])
        next += 1
      }
    } while query.before != nil
    #expect(listed == (0..<100).reversed().map { "t\($0)" })
  }

  @Test func aScanStopsWhenItsTimeIsUsedUp() throws {
    let store = store(rotationSize: 64 << 20)
    try store.append((0..<3000).map(mint))
    var query = MintQuery(limit: 10)
    query.subject = "nobody"
    query.budget.nanoseconds = 1
    let first = try store.list(query)
    #expect(first.mints.isEmpty && first.cursor != nil)
    var calls = 0
    query.before = first.cursor
    query.budget = .slice
    while query.before != nil {
      let page = try store.list(query)
      #expect(page.mints.isEmpty)
      query.before = page.cursor
      calls += 1
    }
    #expect(calls < 3000)
  }

  /// As a power failure leaves them: a scan with a budget gets past without reading them at once.
  @Test func aScanGetsPastManyNULs() throws {
    let store = store(rotationSize: 64 << 20)
    try store.append((0..<3).map(mint))
    let handle = try FileHandle(path: folder.file("mints.jsonl"), flags: .readWrite)
    try handle.truncate(to: 16 << 20)
    try handle.writeAll(Array("\n".utf8), at: 16 << 20)
    try store.append([mint(3)])
    var query = MintQuery(limit: 10)
    query.budget = ScanBudget(lines: 1, nanoseconds: 1)
    var listed: [String] = []
    var calls = 0
    repeat {
      let page = try store.list(query)
      listed += page.mints.map(\.tokenID)
      query.before = page.cursor
      calls += 1
    } while query.before != nil
    #expect(listed == ["t3", "t2", "t1", "t0"])
    #expect(calls > 10)
  }

  @Test func aCursorOfAnotherListIsAnError() throws {
    let store = store()
    for number in 0..<20 { try store.append([mint(number)]) }
    var query = MintQuery(limit: 5)
    let cursor = try #require(try store.list(query).cursor)
    for text in ["", "nonsense", "1.2", "0.0.0", cursor + "0", "x" + cursor, String(cursor.dropLast())] {
      query.before = text
      #expect(throws: UnknownCursor.self, "\(text)") { try store.list(query) }
    }
    query.before = cursor
    #expect(try store.list(query).mints.count == 5)
  }

  /// Lines that can't match aren't parsed, but JSON has more than one spelling for a text.
  @Test(arguments: ["a/b", "q\"\\", "é", "tab\t", "role", "plain"])
  func aTextIsFoundHoweverItIsSpelled(_ text: String) throws {
    let store = store(rotationSize: 64 << 20)
    try store.append([
      mint(1),
      Mint(tokenID: "t2", subject: text, role: "r", issuedAt: 1, expiry: 2, kind: .sign, session: text),
    ])
    let escaped = text.utf16.map { String(format: "\\u%04x", $0) }.joined()
    let path = folder.file("mints.jsonl")
    let line = #"{"jti":"t3","sub":"\#(escaped)","role":"r","iat":1,"exp":2,"sid": "\#(escaped)"}"# + "\n"
    try folder.write("mints.jsonl", String(contentsOfFile: path, encoding: .utf8) + line)
    for change: (inout MintQuery) -> Void in [{ $0.subject = text }, { $0.session = text }] {
      var query = MintQuery(limit: 10)
      change(&query)
      #expect(try store.list(query).mints.map(\.tokenID) == ["t3", "t2"])
    }
  }
}
