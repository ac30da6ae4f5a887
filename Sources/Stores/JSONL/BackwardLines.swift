import POSIX

/// Reads the lines of a file from its end towards its beginning, newest first, a chunk at a time.
///
/// The caller asks for each line, or for each ``step()``, so a reader can pause for as long as it likes, and begin anew
/// where it stopped. The work is linear in the bytes read, and the memory is bounded, whatever the file holds.
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

  /// What one step came to.
  enum Step {
    case line(Line)
    /// Up to 1 MiB was read, and it holds no newline.
    case pause
    /// There are no more lines.
    case end
  }

  private let handle: FileHandle
  private let first: Int
  /// Where `buffer` stands in the file. Bytes from the beginning.
  private var position: Int
  private(set) var buffer: [UInt8] = []
  /// How much of `buffer` is still to be handed over: it ends before the newline of the next line.
  private var left = 0
  /// The byte behind the newline of the next line.
  private var lineEnd: Int
  /// No newline was found yet: what stands behind the last one is no line.
  private var isBehindLastLine = true
  private var nextChunkSize = firstChunkSize
  private var isAtStart = false

  /// Begins with the last line that ends before `end`: bytes between its newline and `end` are left out.
  /// - Parameters:
  ///   - end: bytes from the beginning.
  ///   - first: where to stop; the beginning of a line.
  init(_ handle: FileHandle, before end: Int, downTo first: Int = 0) {
    self.handle = handle
    self.first = first
    lineEnd = max(first, end)
    position = lineEnd
  }

  /// The next line towards the beginning; nil where there is none.
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

  /// The next line, or one chunk on the way there.
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

  /// The index of the last newline in what is left of the buffer.
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

  /// Where somebody begins who goes on from here later. Bytes from the beginning; the end of a line, or a place in a line
  /// that is too long to be a record.
  var resumeOffset: Int {
    isBehindLastLine || left > Self.maximumLine ? position : lineEnd
  }

  private func line(from index: Int) -> Line {
    Line(bytes: buffer[index..<left], start: position + index, end: lineEnd)
  }

  /// Reads what stands before the buffer.
  private mutating func readChunk() throws(SystemError) {
    let rest = isBehindLastLine ? [] : buffer[..<min(left, Self.maximumLine)]
    // A chunk as long as what is there already: each byte is moved a constant number of times.
    let size = min(max(nextChunkSize, rest.count), Self.chunkSize * 16, position - first)
    nextChunkSize = Self.chunkSize
    position -= size
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
