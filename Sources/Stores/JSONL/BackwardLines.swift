import POSIX

/// Reads lines from the end of a file towards its beginning, newest first, a chunk at a time.
enum BackwardLines {
  /// The first chunk is small, as often the last few lines are all that is wanted. Bytes.
  private static let firstChunkSize = 4096
  private static let chunkSize = 65536

  /// Hands over the lines that end before `end`, the last first, without their newlines.
  /// - Parameters:
  ///   - end: bytes from the beginning; what stands between the last newline before it and it is left out.
  ///   - start: where to stop; the beginning of a line.
  ///   - body: gets a line and the offset it begins at; false ends the reading.
  static func read(
    _ handle: FileHandle, before end: Int, downTo start: Int = 0,
    _ body: (ArraySlice<UInt8>, _ offset: Int) throws -> Bool
  ) throws {
    var position = end
    var size = firstChunkSize
    var isTorn = true
    /// What was read of lines whose beginning isn't known yet.
    var pending: [UInt8] = []
    while position > start {
      size = min(size, position - start)
      position -= size
      pending = try handle.read(count: size, at: position) + pending
      size = chunkSize
      if isTorn {
        guard let newline = pending.lastIndex(of: UInt8(ascii: "\n")) else { continue }
        pending.removeSubrange((newline + 1)...)
        isTorn = false
      }
      // The first line of what we have may begin before it, unless we have come to the start.
      guard let whole = position == start ? 0 : pending.firstIndex(of: UInt8(ascii: "\n")).map({ $0 + 1 })
      else {
        continue
      }
      var lineEnd = pending.endIndex
      while lineEnd > whole {
        let lineStart =
          pending[whole..<lineEnd - 1].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? whole
        guard try body(pending[lineStart..<lineEnd - 1], position + lineStart) else { return }
        lineEnd = lineStart
      }
      pending = Array(pending[..<whole])
    }
  }

  /// The offset behind the last newline. Bytes.
  static func endOfLastLine(of handle: FileHandle, size: Int) throws -> Int {
    try lastPart(of: handle, size: size).offset
  }

  /// What stands behind the last newline of a file that doesn't end with one, and where.
  static func lastPart(of handle: FileHandle, size: Int) throws -> (offset: Int, bytes: [UInt8]) {
    var start = size
    var bytes: [UInt8] = []
    while start > 0 {
      let count = min(chunkSize, start)
      start -= count
      bytes = try handle.read(count: count, at: start) + bytes
      if let newline = bytes.lastIndex(of: UInt8(ascii: "\n")) {
        return (start + newline + 1, Array(bytes[(newline + 1)...]))
      }
    }
    return (0, bytes)
  }
}
