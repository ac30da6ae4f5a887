import Logging
import POSIX

/// Repairs the end of a log: sets aside what a crash, a full disk or a power loss left of records that were
/// never answered, so that the next record isn't glued to it. All calls are made under the lock of the log.
struct TornTail {
  private static let chunkSize = 1 << 20

  let path: String
  let clock: Clock
  let logger: Logger

  /// Repairs a file that this process hasn't appended to yet. Checks everything that isn't known to be on the
  /// disk.
  /// - Parameter size: the file's size. Bytes.
  /// - Returns: the file's size afterwards. Bytes.
  /// - Throws: ``StoreError``, ``SystemError``.
  func recover(_ file: LogFile, size: Int) throws -> Int {
    let from = min(LostWrite.durableSize(of: file.handle) ?? max(0, size - LostWrite.longestTail), size)
    let start = try BackwardLines.endOfLastLine(of: file.handle, size: from)
    guard let suspicious = try firstNUL(file.handle, from: start, to: size) else {
      return try recoverEnd(file, size: size)
    }
    let line = try BackwardLines.endOfLastLine(of: file.handle, size: suspicious, downTo: start)
    return try recover(file, from: line, size: size)
  }

  /// Repairs what follows the last newline.
  /// - Parameter size: the file's size. Bytes.
  /// - Returns: the file's size afterwards. Bytes.
  /// - Throws: ``StoreError``, ``SystemError``.
  func recoverEnd(_ file: LogFile, size: Int) throws -> Int {
    guard size > 0, try file.handle.read(count: 1, at: size - 1) != [UInt8(ascii: "\n")] else { return size }
    return try recover(file, from: try BackwardLines.endOfLastLine(of: file.handle, size: size), size: size)
  }

  private func recover(_ file: LogFile, from start: Int, size: Int) throws -> Int {
    var torn: [Range<Int>] = []
    var end = size
    var lines = LineReader(file.handle, from: start, to: size)
    while let line = try lines.next() {
      let isRecord = line.isWhole && (line.bytes.isEmpty || RecordLine.isWhole(line.bytes))
      if isRecord {
        // A whole record that lacks only its newline gets one.
        if !line.isEnded { end = try file.append([UInt8(ascii: "\n")], size: size) }
        continue
      }
      // Other damage stays and raises an alarm.
      guard try !line.isEnded || LostWrite.isTorn(file.handle, from: line.start, to: line.end - 1) else {
        continue
      }
      if let last = torn.last, last.upperBound == line.start {
        torn[torn.count - 1] = last.lowerBound..<line.end
      } else {
        torn.append(line.start..<line.end)
      }
    }
    guard !torn.isEmpty else { return end }
    setAside(torn, of: file.handle)
    guard let writer = try SharedFiles.open(path, flags: .readWrite),
      try writer.status().identity == file.identity
    else { throw StoreError("\(path): another program replaced the file meanwhile; try again") }
    if torn.last?.upperBound == end, let last = torn.popLast() {
      try writer.truncate(to: last.lowerBound)
      end = last.lowerBound
    }
    try blank(torn, in: writer)
    // This is flushed now, so that no later power loss mixes what was cut with what is appended.
    try writer.synchronizeData()
    return end
  }

  /// Turns torn lines into empty lines, so that the whole records after them needn't be moved.
  ///
  /// It writes first NULs, then newlines, and flushes each. Whichever sectors a power loss leaves of either,
  /// the line is still torn or empty.
  private func blank(_ ranges: [Range<Int>], in file: FileHandle) throws {
    for (byte, newlines) in [(UInt8(0), 1), (UInt8(ascii: "\n"), 0)] where !ranges.isEmpty {
      for range in ranges {
        var offset = range.lowerBound
        while offset < range.upperBound - newlines {
          let count = min(Self.chunkSize, range.upperBound - newlines - offset)
          try file.writeAll([UInt8](repeating: byte, count: count), at: offset)
          offset += count
        }
      }
      try file.synchronizeData()
    }
  }

  /// Copies the torn lines to `<path>.torn-<time>`.
  private func setAside(_ ranges: [Range<Int>], of file: FileHandle) {
    let aside = "\(path).torn-\(clock.seconds)"
    do {
      let copy = try FileHandle(path: aside, flags: .create)
      var size = try copy.status().size
      for range in ranges {
        var offset = range.lowerBound
        while offset < range.upperBound {
          let chunk = try file.read(count: min(Self.chunkSize, range.upperBound - offset), at: offset)
          if chunk.isEmpty { break }
          try copy.writeAll(chunk, at: size)
          size += chunk.count
          offset += chunk.count
        }
      }
      try copy.synchronize()
      try Files.synchronizeFolder(of: aside)
      logger.error(
        "torn record set aside",
        metadata: ["file": "\(path)", "offset": "\(ranges[0].lowerBound)", "aside": "\(aside)"])
    } catch {
      logger.error(
        "torn record removed without a copy",
        metadata: ["file": "\(path)", "offset": "\(ranges[0].lowerBound)", "reason": "\(error)"])
    }
  }

  /// The offset of the first NUL; nil if there is none.
  private func firstNUL(_ file: FileHandle, from start: Int, to end: Int) throws -> Int? {
    var offset = start
    while offset < end {
      let chunk = try file.read(count: min(Self.chunkSize, end - offset), at: offset)
      if let index = chunk.firstIndex(of: [0]) { return offset + index }
      if chunk.isEmpty { return nil }
      offset += chunk.count
    }
    return nil
  }
}
