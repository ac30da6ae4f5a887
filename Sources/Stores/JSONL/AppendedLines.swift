import POSIX

/// Follows a file that others append lines to: each call hands over what has come since the last, without
/// a lock. A file that was replaced, cut short or written over is read from its beginning again.
struct AppendedLines {
  enum Change {
    /// What was handed over is what was added.
    case none
    /// Another file has the name now: all of it was handed over.
    case replaced
    /// The file isn't what it was, only longer: all of it was handed over.
    case rewritten
  }

  private static let chunkSize = 1 << 20
  /// How much of what was read already is compared, to notice a file that was written over. Bytes.
  private static let comparedSize = 64

  let path: String
  /// What stands behind the last newline. Its writer is still at it, or was interrupted.
  private(set) var unfinished: [UInt8] = []
  private var handle: FileHandle?
  /// The file as it was when it was read.
  private var status: FileStatus?
  /// Bytes that were read, `unfinished` not among them, and the last of them.
  private var offset = 0
  private var last: [UInt8] = []

  init(path: String) {
    self.path = path
  }

  /// Whether all of a file that looks like this was handed over; nil is no file.
  func haveAll(of current: FileStatus?) -> Bool {
    guard let current, let status else { return current == nil && status == nil }
    // What is unfinished may have been cut off and something as long written in its place.
    return unfinished.isEmpty && status.identity == current.identity && status.size == current.size
      && status.modified == current.modified
  }

  /// Hands over every whole line that is new, without its newline, in order.
  /// - Throws: what `body` throws, and the same line is handed over next time; ``SystemError``.
  mutating func read(_ body: (ArraySlice<UInt8>) throws -> Void) throws -> Change {
    guard let current = try FileStatus.ofFile(at: path) else {
      let isNew = status != nil
      self = AppendedLines(path: path)
      return isNew ? .replaced : .none
    }
    if haveAll(of: current) { return .none }
    var change = Change.none
    if status?.identity != current.identity {
      if status != nil { change = .replaced }
      handle = try SharedFiles.open(path, flags: .read)
      startOver()
    } else if try !isLonger() {
      change = .rewritten
      startOver()
    }
    guard let handle else { return change }
    try readOn(handle, body)
    // As it was before: what came while it was read is looked for next time.
    status = current
    return change
  }

  private mutating func startOver() {
    offset = 0
    last = []
    unfinished = []
  }

  /// Whether what was read is still there.
  private func isLonger() throws -> Bool {
    try handle?.read(count: last.count, at: offset - last.count) == last
  }

  private mutating func readOn(_ handle: FileHandle, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
    while true {
      let chunk = try handle.read(count: Self.chunkSize, at: offset)
      var start = 0
      while let end = chunk.firstIndex(of: [UInt8(ascii: "\n")], from: start) {
        if end > start { try body(chunk[start..<end]) }
        start = end + 1
      }
      offset += start
      last = (last + chunk[..<start].suffix(Self.comparedSize)).suffix(Self.comparedSize)
      if chunk.count < Self.chunkSize {
        unfinished = Array(chunk[start...])
        return
      }
      guard start > 0 else { throw StoreError("\(path): a line of more than \(Self.chunkSize) bytes") }
    }
  }
}
