import POSIX

/// Writes a file from its beginning, 1 MiB at a time. ``flush()`` writes the rest.
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

  /// Writes what is buffered.
  /// - Throws: ``SystemError``.
  mutating func flush() throws(SystemError) {
    try handle.writeAll(buffer, at: size)
    size += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }
}
