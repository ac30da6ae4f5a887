import POSIX

/// Reads the lines of a file from its end towards its beginning, newest first, a chunk at a time.
///
/// The caller asks for each line, so a reader can pause for as long as it likes. The work is linear in the bytes read,
/// and the memory is bounded, whatever the file holds.
struct BackwardLines {
  /// The first chunk is small, as the last few lines are often all that a caller wants. Bytes.
  private static let firstChunkSize = 4096
  private static let chunkSize = 65536
  /// No record is longer. Bytes.
  static let maximumLine = 1 << 20

  /// A line of the file.
  struct Line {
    /// Without the newline. Of a line longer than ``BackwardLines/maximumLine`` only the beginning, which is no record.
    let bytes: ArraySlice<UInt8>
    /// Bytes from the beginning of the file to the line, and to the byte behind its newline.
    let start: Int
    let end: Int
  }

  private let handle: FileHandle
  private let first: Int
  /// Where `buffer` stands in the file. Bytes from the beginning.
  private var position: Int
  private var buffer: [UInt8] = []
  /// How much of `buffer` is still to be handed over: it ends before the newline of the next line.
  private var left = 0
  /// The byte behind the newline of the next line.
  private var lineEnd: Int
  private var nextChunkSize = firstChunkSize
  private var isAtStart = false

  /// Begins with the last line that ends before `end`: bytes between its newline and `end` are left out.
  /// - Parameters:
  ///   - end: bytes from the beginning.
  ///   - first: where to stop; the beginning of a line.
  /// - Throws: ``SystemError``.
  init(_ handle: FileHandle, before end: Int, downTo first: Int = 0) throws(SystemError) {
    self.handle = handle
    self.first = first
    lineEnd = try Self.endOfLastLine(of: handle, size: end, downTo: first)
    position = max(first, lineEnd - 1)
    isAtStart = lineEnd <= first
  }

  /// The next line towards the beginning; nil where there is none.
  /// - Throws: ``SystemError``.
  mutating func next() throws(SystemError) -> Line? {
    if isAtStart { return nil }
    while true {
      if let newline = buffer[..<left].lastIndex(of: UInt8(ascii: "\n")) {
        let line = line(from: newline + 1)
        left = newline
        lineEnd = line.start
        return line
      }
      if position == first {
        isAtStart = true
        return line(from: 0)
      }
      try readChunk()
    }
  }

  private func line(from index: Int) -> Line {
    Line(bytes: buffer[index..<left], start: position + index, end: lineEnd)
  }

  /// Reads what stands before the buffer.
  private mutating func readChunk() throws(SystemError) {
    // A chunk as long as what is there already: each byte is moved a constant number of times.
    let size = min(max(nextChunkSize, left), Self.chunkSize * 16, position - first)
    nextChunkSize = Self.chunkSize
    position -= size
    let rest = buffer[..<min(left, Self.maximumLine)]
    buffer = try handle.read(count: size, at: position) + rest
    left = buffer.count
  }

  /// The offset behind the last newline of the first `size` bytes; `first` where they have none.
  /// - Throws: ``SystemError``.
  static func endOfLastLine(
    of handle: FileHandle, size: Int, downTo first: Int = 0
  ) throws(SystemError) -> Int {
    var end = size
    var count = 1
    while end > first {
      let start = max(first, end - count)
      let bytes = try handle.read(count: end - start, at: start)
      if let newline = bytes.lastIndex(of: UInt8(ascii: "\n")) { return start + newline + 1 }
      end = start
      count = chunkSize
    }
    return first
  }
}
