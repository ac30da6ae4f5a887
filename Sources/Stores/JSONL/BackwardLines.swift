import POSIX

/// Reads the lines of a file from its end towards its beginning, newest first, a chunk at a time.
///
/// The caller asks for each line or each ``step()``, so it can pause between them, and begin anew where it
/// stopped. The work is linear in the bytes read and the memory is bounded, whatever the file holds.
struct BackwardLines {
  /// The size of the first chunk, which is small because callers often want only the last few lines. Bytes.
  private static let firstChunkSize = 4096
  private static let chunkSize = 65536
  /// The longest line that can be a record. Bytes.
  static let maximumLine = 1 << 20

  /// A line of the file.
  struct Line {
    /// The line without its newline. If the line is longer than ``BackwardLines/maximumLine``, only its
    /// beginning, which isn't a record.
    let bytes: ArraySlice<UInt8>
    /// The offset of the line in the file. Bytes.
    let start: Int
    /// The offset after the line's newline. Bytes.
    let end: Int
  }

  /// The result of one step.
  enum Step {
    case line(Line)
    /// Up to 1 MiB was read, and it holds no newline.
    case pause
    /// There are no more lines.
    case end
  }

  private let handle: FileHandle
  private let first: Int
  /// The offset of `buffer` in the file. Bytes.
  private var position: Int
  private(set) var buffer: [UInt8] = []
  /// How many bytes of `buffer` are left. They end before the newline of the next line.
  private var left = 0
  /// The offset after the newline of the next line. Bytes.
  private var lineEnd: Int
  /// Whether no newline has been found yet. What follows the last newline isn't a line.
  private var isBehindLastLine = true
  private var nextChunkSize = firstChunkSize
  private var isAtStart = false

  /// Begins with the last line that ends at or before `end`. What follows its newline is left out.
  /// - Parameters:
  ///   - end: an offset in bytes.
  ///   - first: the offset at which to stop, where a line begins.
  init(_ handle: FileHandle, before end: Int, downTo first: Int = 0) {
    self.handle = handle
    self.first = first
    lineEnd = max(first, end)
    position = lineEnd
  }

  /// The next line towards the beginning; nil at the beginning.
  /// - Throws: ``SystemError``.
  mutating func next() throws(SystemError) -> Line? {
    while true {
      switch try step() {
      case .line(let line): return line
      case .pause: continue
      case .end: return nil
      }
    }
  }

  /// Reads the next line, or one chunk on the way to it.
  /// - Throws: ``SystemError``.
  mutating func step() throws(SystemError) -> Step {
    var hasRead = false
    while !isAtStart {
      if let newline = lastNewline {
        let line = line(from: newline + 1)
        left = newline
        lineEnd = line.start
        if !isBehindLastLine { return .line(line) }
        isBehindLastLine = false
      } else if position > first {
        if hasRead { return .pause }
        try readChunk()
        hasRead = true
      } else {
        isAtStart = true
        let line = line(from: 0)
        lineEnd = first
        if !isBehindLastLine { return .line(line) }
      }
    }
    return .end
  }

  /// The index of the last newline in the bytes that are left.
  private var lastNewline: Int? {
    buffer.withUnsafeBytes { bytes -> Int? in
      var index = left
      while index > 0 {
        index -= 1
        if bytes[index] == UInt8(ascii: "\n") { return index }
      }
      return nil
    }
  }

  /// The offset from which a later reader goes on: the end of a line, or a place inside a line that is too
  /// long to be a record. Bytes.
  var resumeOffset: Int {
    isBehindLastLine || left > Self.maximumLine ? position : lineEnd
  }

  private func line(from index: Int) -> Line {
    Line(bytes: buffer[index..<left], start: position + index, end: lineEnd)
  }

  /// Reads the chunk before the buffer.
  private mutating func readChunk() throws(SystemError) {
    let rest = isBehindLastLine ? [] : buffer[..<min(left, Self.maximumLine)]
    // Reading as much as is left moves each byte a constant number of times, even in a file without newlines.
    let size = min(max(nextChunkSize, rest.count), Self.chunkSize * 16, position - first)
    nextChunkSize = Self.chunkSize
    position -= size
    buffer = try handle.read(count: size, at: position) + rest
    left = buffer.count
  }

  /// The offset after the last newline of the first `size` bytes, or `first` if they hold none.
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
