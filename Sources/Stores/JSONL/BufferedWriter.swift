import POSIX

/// Writes a file from its beginning in large pieces. What is still in memory is written by ``flush()``.
struct BufferedWriter {
  private static let bufferSize = 1 << 20

  let handle: FileHandle
  private var size = 0
  private var buffer: [UInt8] = []

  init(_ handle: FileHandle) {
    self.handle = handle
  }

  /// Adds a line.
  /// - Throws: ``SystemError``.
  mutating func add(line: ArraySlice<UInt8>) throws(SystemError) {
    buffer += line
    buffer.append(UInt8(ascii: "\n"))
    if buffer.count >= Self.bufferSize { try flush() }
  }

  mutating func flush() throws(SystemError) {
    try handle.writeAll(buffer, at: size)
    size += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
