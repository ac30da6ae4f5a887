import Logging
import POSIX

/// Sets aside what a crash, a full disk or a power cut left of records that nobody was answered for, so that the next
/// record isn't glued to it. Used under the lock of the log that the file belongs to.
struct TornTail {
  private static let chunkSize = 1 << 20

  let path: String
  let clock: Clock
  let logger: Logger

  /// Looks a file over that this process hasn't appended to, from what is known to be on the disk to its end.
  /// - Returns: the file's size after.
  func recover(_ file: LogFile, size: Int) throws -> Int {
    let from = min(LostWrite.durableSize(of: file.handle) ?? max(0, size - LostWrite.longestTail), size)
    let start = try BackwardLines.endOfLastLine(of: file.handle, size: from)
    guard let suspicious = try firstNUL(file.handle, from: start, to: size) else {
      return try recoverEnd(file, size: size)
    }
    let line = try BackwardLines.endOfLastLine(of: file.handle, size: suspicious, downTo: start)
    return try recover(file, from: line, size: size)
  }

  /// Looks at what stands behind the last newline.
  /// - Returns: the file's size after.
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
        // A whole record that only lacks its newline is given one.
        if !line.isEnded { end = try file.append([UInt8(ascii: "\n")], size: size) }
        continue
      }
      // Other damage stays: it is an alarm.
      guard try !line.isEnded || LostWrite.tore(file.handle, from: line.start, to: line.end - 1) else {
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
    else { throw StoreError("\(path): replaced by another program meanwhile") }
    if torn.last?.upperBound == end, let last = torn.popLast() {
      try writer.truncate(to: last.lowerBound)
      end = last.lowerBound
    }
    try blank(torn, in: writer)
    // Now, so that no later power cut mixes what was cut with what is appended.
    try writer.synchronizeData()
    return end
  }

  /// Makes empty lines of torn ones that whole records stand behind, so that these need not be moved.
  ///
  /// First NULs, then newlines: whichever sectors a power cut leaves of either, what is left is torn and nothing else.
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

  /// Copies what is to go into a file beside.
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
        "torn record removed",
        metadata: ["file": "\(path)", "offset": "\(ranges[0].lowerBound)", "reason": "\(error)"])
    }
  }

  /// Where the first NUL stands; nil where there is none.
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
