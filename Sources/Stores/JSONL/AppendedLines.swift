import POSIX

/// Follows a file that others append lines to: each call hands over what has come since the last, without
/// a lock. A file that was replaced or cut short is read from its beginning again.
struct AppendedLines {
  enum Change {
    /// What was handed over is what was added.
    case none
    /// Another file has the name now: all of it was handed over.
    case replaced
    /// The file became shorter: all of it was handed over.
    case cut
  }

  private static let chunkSize = 1 << 20

  let path: String
  /// What stands behind the last newline. Its writer is still at it, or was interrupted.
  private(set) var unfinished: [UInt8] = []
  private var handle: FileHandle?
  private var identity: FileStatus.Identity?
  /// Bytes that were read, `unfinished` not among them, and the size of the file then.
  private var offset = 0
  private var size = 0

  init(path: String) {
    self.path = path
  }

  /// Hands over every whole line that is new, without its newline, in order.
  /// - Throws: what `body` throws, and the same line is handed over next time; ``SystemError``.
  mutating func read(_ body: (ArraySlice<UInt8>) throws -> Void) throws -> Change {
    guard let status = try FileStatus.ofFile(at: path) else {
      let isNew = identity != nil
      self = AppendedLines(path: path)
      return isNew ? .replaced : .none
    }
    // What is unfinished may have been cut off and something as long written in its place.
    if status.identity == identity && status.size == size && unfinished.isEmpty { return .none }
    var change = Change.none
    if status.identity != identity || status.size < size {
      if identity != nil { change = status.identity == identity ? .cut : .replaced }
      handle = try SharedFiles.open(path, flags: .read)
      identity = try handle?.status().identity
      offset = 0
      size = -1
    }
    guard let handle else { return change }
    while true {
      let chunk = try handle.read(count: Self.chunkSize, at: offset)
      var start = 0
      while let end = chunk.firstIndex(of: [UInt8(ascii: "\n")], from: start) {
        if end > start { try body(chunk[start..<end]) }
        start = end + 1
      }
      offset += start
      if chunk.count < Self.chunkSize {
        unfinished = Array(chunk[start...])
        size = offset + unfinished.count
        return change
      }
      guard start > 0 else { throw StoreError("\(path): a line of more than \(Self.chunkSize) bytes") }
    }
  }
}
