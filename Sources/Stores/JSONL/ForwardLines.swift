import POSIX

/// Reads the lines of a part of a log, oldest first. Skips torn lines (see ``LostWrite``).
struct ForwardLines {
  private let path: String
  private let handle: FileHandle
  private var lines: LineReader

  /// - Parameters:
  ///   - path: names the file in errors.
  ///   - range: offsets in bytes. A line begins at the lower bound, and the last line ends before the upper
  ///     bound.
  init(_ handle: FileHandle, path: String, in range: Range<Int>) {
    self.handle = handle
    self.path = path
    lines = LineReader(handle, from: range.lowerBound, to: range.upperBound)
  }

  /// The next line that isn't empty, without its newline, and its offset in the file. Nil at the end.
  /// - Throws: ``StoreError`` if the line is too long for a record; ``SystemError``.
  mutating func next() throws -> (line: ArraySlice<UInt8>, offset: Int)? {
    while let line = try lines.next(), line.isEnded {
      if line.isWhole && line.bytes.isEmpty { continue }
      // No record holds a NUL.
      if !line.isWhole || line.bytes.contains(0) {
        if try LostWrite.isTorn(handle, from: line.start, to: line.end - 1) { continue }
        guard line.isWhole else {
          throw StoreError(
            "\(path): the line of \(line.end - line.start) bytes at offset \(line.start) is too long for a record; "
              + "run pico-auth store verify --repair")
        }
      }
      return (line.bytes, line.start)
    }
    return nil
  }
}
