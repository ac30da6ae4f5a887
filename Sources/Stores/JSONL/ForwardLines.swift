import POSIX

/// Reads the records of a part of a log, oldest first. Passes over torn lines, as ``LostWrite`` tells them.
struct ForwardLines {
  private let path: String
  private let handle: FileHandle
  private var lines: LineReader

  /// - Parameters:
  ///   - path: for errors.
  ///   - range: bytes from the beginning of the file; a line begins at its start, and one ends before its end.
  init(_ handle: FileHandle, path: String, in range: Range<Int>) {
    self.handle = handle
    self.path = path
    lines = LineReader(handle, from: range.lowerBound, to: range.upperBound)
  }

  /// The next line that isn't empty, without its newline, and where it begins in the file; nil at the end.
  /// - Throws: ``StoreError`` for a line that is too long for a record; ``SystemError``.
  mutating func next() throws -> (line: ArraySlice<UInt8>, offset: Int)? {
    while let line = try lines.next(), line.isEnded {
      if line.isWhole && line.bytes.isEmpty { continue }
      // No record holds a NUL.
      if !line.isWhole || line.bytes.contains(0) {
        if try LostWrite.tore(handle, from: line.start, to: line.end - 1) { continue }
        guard line.isWhole else {
          throw StoreError("\(path): a line of \(line.end - line.start) bytes at \(line.start) is no record")
        }
      }
      return (line.bytes, line.start)
    }
    return nil
  }
}
