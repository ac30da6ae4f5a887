import Foundation
import POSIX
import Synchronization
import TestSupport
import Testing

@testable import Stores

@Suite struct LogFileTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("log") }

  private func open(
    timeout: UInt64 = SharedFlush.timeout,
    flushData: @escaping @Sendable (POSIX.FileHandle) throws(SystemError) -> Void = { _ in }
  ) throws -> LogFile {
    _ = try FileHandle(path: path, flags: .create)
    return try LogFile(
      try FileHandle(path: path, flags: .append), path: path, timeout: timeout, flushData: flushData)
  }

  @Test func whoWaitsForAHangingDiskGivesUp() throws {
    let isFlushing = Atomic(false)
    let answered = Atomic(0)
    let mayEnd = DispatchSemaphore(value: 0)
    let file = try open(timeout: 100_000_000) { _ throws(SystemError) in
      isFlushing.store(true, ordering: .relaxed)
      mayEnd.wait()
    }
    let results = try concurrently(4) { number -> String in
      if number == 0 {
        try file.waitUntilDurable(1)
        return "durable"
      }
      if number == 1 {
        // The flush ends once both others have given up.
        defer { mayEnd.signal() }
        guard eventually({ isFlushing.load(ordering: .relaxed) }) else { return "idle" }
        return eventually { answered.load(ordering: .relaxed) == 2 } ? "flushing" : "waiting"
      }
      _ = eventually { isFlushing.load(ordering: .relaxed) }
      defer { answered.add(1, ordering: .relaxed) }
      do {
        try file.waitUntilDurable(1)
        return "durable"
      } catch let error as SystemError where error.code == ETIMEDOUT {
        return "late"
      }
    }
    #expect(results == ["durable", "flushing", "late", "late"])
    // It was late and no more: nothing is to be written anew.
    #expect(!file.isSuspect)
    try file.waitUntilDurable(1)
  }

  @Test func afterAFailureNothingIsPromised() throws {
    let file = try open { _ throws(SystemError) in throw SystemError(call: "fdatasync", code: EIO) }
    for _ in 0..<2 { #expect(throws: SystemError.self) { try file.waitUntilDurable(1) } }
    #expect(file.isSuspect)
  }

  /// Somebody who doesn't take the lock, as a script does with `>>`.
  @Test func nobodysBytesAreWrittenOver() throws {
    let file = try open()
    #expect(try file.append(Array("a\n".utf8), size: 0) == 2)
    try folder.write("log", "a\nforeign")
    // As if it had come between the look at the size and the write.
    let end = try file.append(Array("b\n".utf8), size: 2)
    let text = try folder.read("log")
    #expect(end == text.utf8.count)
    #expect(text.hasPrefix("a\nforeign"))
    #expect(text.split(separator: "\n").last == "b")
  }

  @Test func linesOfAnyLengthAreReadAsTheyAre() throws {
    let lengths = [0, 1, 63, 0, 1 << 20, (1 << 20) - 1, (1 << 20) + 1, 5 << 20, 2, 0]
    let text = lengths.map { String(repeating: "x", count: $0) }.joined(separator: "\n")
    try folder.write("log", text)
    let handle = try FileHandle(path: path, flags: .read)
    var lines = LineReader(handle)
    var offset = 0
    for (number, length) in lengths.enumerated() where number < lengths.count - 1 {
      let line = try #require(try lines.next())
      #expect(line.start == offset)
      #expect(line.end == offset + length + 1)
      #expect(line.isEnded)
      #expect(line.isWhole == (length <= LineReader.maximumLine))
      #expect(line.bytes.count == min(length, LineReader.maximumLine))
      offset = line.end
    }
    #expect(try lines.next() == nil)
    var end = LineReader(handle, from: offset - 3)
    #expect(try end.next()?.bytes == Array("xx".utf8)[...])
    var cut = LineReader(handle, from: offset - 3, to: offset - 1)
    #expect(try cut.next()?.isEnded == false)
    #expect(try cut.next() == nil)
  }
}
