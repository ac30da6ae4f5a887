import POSIX

/// Reads the lines of a file from some line on towards its end, a chunk at a time.
///
/// The caller asks for each line. The work is linear in the bytes read, and the memory is bounded, whatever the file
/// holds.
struct LineReader {
  private static let chunkSize = 1 << 20
  /// No record is longer. Bytes.
  static let maximumLine = BackwardLines.maximumLine

  /// A line of the file.
  struct Line {
    /// Without the newline. Of a line longer than ``LineReader/maximumLine`` only the beginning, which is no record.
    let bytes: ArraySlice<UInt8>
    /// Bytes from the beginning of the file to the line, and to the byte behind its newline.
    let start: Int
    let end: Int
    /// Whether there is a newline. Without one it is the last line: its writer is still at it, or was interrupted.
    let isEnded: Bool

    /// Whether `bytes` is all of the line.
    var isWhole: Bool { bytes.count == end - start - (isEnded ? 1 : 0) }
  }

  private let handle: FileHandle
  private let limit: Int
  /// Where the next line begins. Bytes from the beginning of the file.
  private var position: Int
  private var buffer: [UInt8] = []
  /// How much of `buffer` was handed over.
  private var used = 0

  /// - Parameters:
  ///   - start: where a line begins. Bytes from the beginning.
  ///   - limit: where to stop, as if the file ended there.
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

  /// Looks for the end of a line that is no record, and keeps its beginning only.
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

  /// Reads what comes behind the buffer; false where there is nothing.
  private mutating func readChunk() throws(SystemError) -> Bool {
    let offset = position + buffer.count - used
    let chunk = try handle.read(count: min(Self.chunkSize, limit - offset), at: offset)
    if chunk.isEmpty { return false }
    buffer = used == buffer.count ? chunk : Array(buffer[used...]) + chunk
    used = 0
    return true
  }
}
