import POSIX

/// Reads the lines of a file towards its end, a chunk at a time.
///
/// The caller asks for each line. The work is linear in the bytes read and the memory is bounded, whatever
/// the file holds.
struct LineReader {
  private static let chunkSize = 1 << 20
  /// The longest line that can be a record. Bytes.
  static let maximumLine = BackwardLines.maximumLine

  /// A line of the file.
  struct Line {
    /// The line without its newline. If the line is longer than ``LineReader/maximumLine``, only its
    /// beginning, which isn't a record.
    let bytes: ArraySlice<UInt8>
    /// The offset of the line in the file. Bytes.
    let start: Int
    /// The offset after the line's newline. Bytes.
    let end: Int
    /// Whether the line has a newline. If not, it is the last line: a writer is appending it, or was
    /// interrupted.
    let isEnded: Bool

    /// Whether `bytes` is all of the line.
    var isWhole: Bool { bytes.count == end - start - (isEnded ? 1 : 0) }
  }

  private let handle: FileHandle
  private let limit: Int
  /// The offset of the next line in the file. Bytes.
  private var position: Int
  private var buffer: [UInt8] = []
  /// How many bytes of `buffer` were returned.
  private var used = 0

  /// - Parameters:
  ///   - start: an offset at which a line begins. Bytes.
  ///   - limit: the offset at which to stop, as if the file ended there. Bytes.
  init(_ handle: FileHandle, from start: Int = 0, to limit: Int = .max) {
    self.handle = handle
    self.limit = limit
    position = start
  }

  /// The next line; nil at the end of the file.
  /// - Throws: ``SystemError``.
  mutating func next() throws(SystemError) -> Line? {
    while true {
      if let newline = buffer.firstIndex(of: [UInt8(ascii: "\n")], from: used) {
        return line(
          bytes: used..<min(newline, used + Self.maximumLine), count: newline + 1 - used, isEnded: true)
      }
      if buffer.count - used > Self.maximumLine { return try longLine() }
      guard try readChunk() else {
        if used == buffer.count { return nil }
        return line(bytes: used..<buffer.count, count: buffer.count - used, isEnded: false)
      }
    }
  }

  private mutating func line(bytes: Range<Int>, count: Int, isEnded: Bool) -> Line {
    let line = Line(bytes: buffer[bytes], start: position, end: position + count, isEnded: isEnded)
    used += count
    position += count
    return line
  }

  /// Finds the end of a line that is too long for a record, and keeps only its beginning.
  private mutating func longLine() throws(SystemError) -> Line {
    let start = position
    let beginning = buffer[used..<used + Self.maximumLine]
    position += buffer.count - used
    while true {
      (buffer, used) = ([], 0)
      guard try readChunk() else {
        return Line(bytes: beginning, start: start, end: position, isEnded: false)
      }
      if let newline = buffer.firstIndex(of: [UInt8(ascii: "\n")]) {
        used = newline + 1
        position += used
        return Line(bytes: beginning, start: start, end: position, isEnded: true)
      }
      position += buffer.count
    }
  }

  /// Reads the chunk after the buffer. Returns false at the end.
  private mutating func readChunk() throws(SystemError) -> Bool {
    let offset = position + buffer.count - used
    let chunk = try handle.read(count: min(Self.chunkSize, limit - offset), at: offset)
    if chunk.isEmpty { return false }
    buffer = used == buffer.count ? chunk : Array(buffer[used...]) + chunk
    used = 0
    return true
  }
}
