import Foundation
import POSIX
import TestSupport
import Testing

@testable import Stores

@Suite struct BackwardLinesTests {
  private let folder = TemporaryFolder()

  private func open(_ bytes: [UInt8]) throws -> POSIX.FileHandle {
    try folder.write("file", bytes: bytes)
    return try FileHandle(path: folder.file("file"), flags: .read)
  }

  private struct Line: Equatable {
    let bytes: [UInt8]
    let start: Int
    let end: Int
  }

  private func read(_ handle: POSIX.FileHandle, before end: Int, downTo first: Int = 0) throws -> [Line] {
    var lines = BackwardLines(handle, before: end, downTo: first)
    var all: [Line] = []
    while let line = try lines.next() {
      all.append(Line(bytes: Array(line.bytes), start: line.start, end: line.end))
      #expect(lines.resumeOffset == line.start)
    }
    #expect(try lines.next() == nil)
    return all
  }

  /// What the lines are, found without any cleverness.
  private func expected(_ bytes: [UInt8], before end: Int, downTo first: Int = 0) -> [Line] {
    var all: [Line] = []
    var start = first
    for index in first..<max(first, end) where bytes[index] == 0x0a {
      all.append(Line(bytes: Array(bytes[start..<index]), start: start, end: index + 1))
      start = index + 1
    }
    return all.reversed()
  }

  @Test(
    arguments: [
      "", "a", "\n", "a\n", "\n\n\n", "a\nb", "a\nb\n", "\na\n\nbc\n", "abc\n\n\ndef\n\nx",
      "no newline at all",
    ])
  func smallFilesAreReadFromEveryOffset(_ text: String) throws {
    let bytes = Array(text.utf8)
    let handle = try open(bytes)
    for end in 0...bytes.count {
      for first in 0...end where first == 0 || bytes[first - 1] == 0x0a {
        #expect(
          try read(handle, before: end, downTo: first) == expected(bytes, before: end, downTo: first),
          "\(first)..<\(end)")
      }
    }
  }

  @Test func linesAcrossEveryChunkAreWhole() throws {
    for width in [63, 4095, 4096, 4097, 65535, 65536, 65537, 200_000, 1 << 20] {
      var bytes: [UInt8] = []
      while bytes.count < 3 * width + 10_000 {
        bytes += [UInt8](repeating: UInt8(ascii: "a") + UInt8(bytes.count % 26), count: width) + [0x0a]
        bytes += Array("short\n".utf8)
      }
      let handle = try open(bytes)
      for end in [bytes.count, bytes.count - 1, bytes.count - 7, bytes.count - 8, 4096] {
        #expect(try read(handle, before: end) == expected(bytes, before: end), "\(width) \(end)")
      }
    }
  }

  /// No record is so long: its bytes don't matter, but its neighbours do.
  @Test func aLineOverTheLimitIsCutAndItsNeighboursAreWhole() throws {
    let limit = BackwardLines.maximumLine
    for width in [limit + 1, limit + 70_000, 3 * limit, 5 * limit + 1] {
      let bytes = Array("first\n".utf8) + [UInt8](repeating: 0x78, count: width) + Array("\nlast\n".utf8)
      let all = try read(try open(bytes), before: bytes.count)
      try #require(all.count == 3)
      #expect(all[0].bytes == Array("last".utf8))
      #expect(all[1].start == 6 && all[1].end == 7 + width)
      #expect(all[1].bytes.count >= limit && all[1].bytes.allSatisfy { $0 == 0x78 })
      #expect(all[2] == Line(bytes: Array("first".utf8), start: 0, end: 6))
    }
  }

  // MARK: - A step at a time

  /// Reads by steps, beginning anew at each pause, as a caller does that answers somebody else meanwhile.
  private func readInSteps(_ handle: POSIX.FileHandle, before end: Int) throws -> (lines: [Line], pauses: Int)
  {
    var all: [Line] = []
    var pauses = 0
    var end = end
    while true {
      var lines = BackwardLines(handle, before: end)
      reading: while true {
        switch try lines.step() {
        case .line(let line): all.append(Line(bytes: Array(line.bytes), start: line.start, end: line.end))
        case .pause:
          guard lines.resumeOffset < end else { continue }
          end = lines.resumeOffset
          pauses += 1
          break reading
        case .end: return (all, pauses)
        }
      }
    }
  }

  @Test func whoPausesAndGoesOnMissesNothing() throws {
    for width in [1, 100, 4096, 65537, 200_000] {
      var bytes: [UInt8] = []
      while bytes.count < 3 * width + 10_000 {
        bytes += [UInt8](repeating: UInt8(ascii: "a") + UInt8(bytes.count % 26), count: width) + [0x0a]
      }
      let (lines, pauses) = try readInSteps(try open(bytes), before: bytes.count)
      #expect(lines == expected(bytes, before: bytes.count), "\(width)")
      #expect(width < 200_000 || pauses > 2)
    }
  }

  /// As a power failure leaves them behind the last record.
  @Test func manyNULsAreReadInBoundedSteps() throws {
    let head = Array("one\ntwo\n".utf8)
    for tail in [[], [0x0a]] as [[UInt8]] {
      let path = folder.file("nuls")
      let handle = try FileHandle(path: path, flags: .create)
      try handle.truncate(to: 0)
      try handle.truncate(to: 32 << 20)
      try handle.writeAll(head, at: 0)
      try handle.writeAll(tail, at: 32 << 20)
      let size = (32 << 20) + tail.count
      var lines = BackwardLines(handle, before: size)
      var steps = 0
      var held = 0
      var texts: [String] = []
      reading: while true {
        switch try lines.step() {
        case .line(let line):
          if line.bytes.first != 0 { texts.append(String(decoding: line.bytes, as: UTF8.self)) }
        case .pause:
          steps += 1
          held = max(held, lines.buffer.count)
        case .end: break reading
        }
      }
      #expect(texts == ["two", "one"])
      #expect(steps >= 30 && steps < 2000)
      #expect(held < 8 << 20)
      #expect(try readInSteps(handle, before: size).lines.suffix(2).map(\.start) == [4, 0])
    }
  }
}
