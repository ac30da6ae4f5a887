import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

/// Following a file that others append to.
@Suite struct AppendedLinesTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("log") }

  private func append(_ text: String) throws {
    let handle = try FileHandle(path: path, flags: .create)
    try handle.writeAll(Array(text.utf8), at: try handle.status().size)
  }

  private func read(_ lines: inout AppendedLines) throws -> (AppendedLines.Change, [String]) {
    var texts: [String] = []
    let change = try lines.read { texts.append(String(decoding: $0, as: UTF8.self)) }
    return (change, texts)
  }

  @Test func eachCallHandsOverWhatHasComeSinceTheLast() throws {
    var lines = AppendedLines(path: path)
    #expect(try read(&lines) == (.none, []))
    try append("a\nb\n")
    #expect(try read(&lines) == (.none, ["a", "b"]))
    #expect(try read(&lines) == (.none, []))
    try append("c\n\nd\n")
    #expect(try read(&lines) == (.none, ["c", "d"]))
  }

  @Test func anUnfinishedLineIsHandedOverOnceItIsWhole() throws {
    var lines = AppendedLines(path: path)
    try append("a\nhal")
    #expect(try read(&lines) == (.none, ["a"]))
    #expect(lines.unfinished == Array("hal".utf8))
    #expect(try read(&lines) == (.none, []))
    try append("f\nb\n")
    #expect(try read(&lines) == (.none, ["half", "b"]))
    #expect(lines.unfinished.isEmpty)
  }

  @Test func anotherFileOfTheNameIsReadFromItsBeginning() throws {
    var lines = AppendedLines(path: path)
    try append("a\nb\n")
    _ = try read(&lines)
    try folder.write("other", "x\n")
    try Files.rename(folder.file("other"), to: path)
    #expect(try read(&lines) == (.replaced, ["x"]))
    try Files.remove(path)
    #expect(try read(&lines) == (.replaced, []))
    #expect(try read(&lines) == (.none, []))
  }

  @Test(arguments: ["", "x\n", "x\ny\nz\nlonger than before\n"])
  func aFileThatIsWrittenOverIsReadFromItsBeginning(_ text: String) throws {
    var lines = AppendedLines(path: path)
    try append("a\nb\n")
    _ = try read(&lines)
    let handle = try FileHandle(path: path, flags: .readWrite)
    try handle.truncate(to: 0)
    try handle.writeAll(Array(text.utf8), at: 0)
    #expect(try read(&lines) == (.rewritten, text.split(separator: "\n").map(String.init)))
    try append("next\n")
    #expect(try read(&lines) == (.none, ["next"]))
  }

  @Test func whatIsKnownAlreadyIsNotHandedOver() throws {
    try append("a\nb\nc\n")
    let handle = try FileHandle(path: path, flags: .read)
    var lines = try AppendedLines(path: path, following: handle, from: 2)
    #expect(try read(&lines) == (.none, ["b", "c"]))
  }

  @Test func aDamagedLineIsHandedOverAgain() throws {
    var lines = AppendedLines(path: path)
    try append("a\ndamaged\nb\n")
    for _ in 0..<2 {
      var seen: [String] = []
      #expect(throws: RecordLine.Damaged.self) {
        try lines.read { line in
          seen.append(String(decoding: line, as: UTF8.self))
          if seen.last == "damaged" { throw RecordLine.Damaged() }
        }
      }
      #expect(seen.last == "damaged" && !seen.contains("b"))
    }
  }

  /// A line of NULs is what a power cut leaves of a write that nobody was answered for.
  @Test func aTornLineIsPassedOver() throws {
    var lines = AppendedLines(path: path)
    try append("a\n" + String(repeating: "\0", count: 30) + "\nb\n")
    var seen: [String] = []
    #expect(
      try lines.read { line in
        if line.contains(0) { throw RecordLine.Damaged() }
        seen.append(String(decoding: line, as: UTF8.self))
      } == .none)
    #expect(seen == ["a", "b"])
  }
}
