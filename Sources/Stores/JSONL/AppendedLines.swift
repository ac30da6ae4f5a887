import POSIX

/// Follows a file that others append lines to: each call hands over what has come since the last, without
/// a lock. A file that was replaced, cut short or written over is read from its beginning again.
///
/// A torn line, as ``LostWrite`` tells it, is passed over. What stands behind it is handed over, and again whenever the
/// file has changed, until a writer has set the torn line aside.
struct AppendedLines {
  enum Change {
    /// What was handed over is what was added.
    case none
    /// Another file has the name now: all of it was handed over.
    case replaced
    /// The file isn't what it was, only longer: all of it was handed over.
    case rewritten
  }

  /// How much of what was read already is compared, to notice a file that was written over. Bytes.
  private static let comparedSize = 64
  /// An unfinished line of more bytes isn't read again until the file has changed.
  private static let reReadSize = 4096

  let path: String
  /// What stands behind the last newline. Its writer is still at it, or was interrupted. Of a line that is too long for
  /// a record only the beginning.
  private(set) var unfinished: [UInt8] = []
  /// The file that is followed; nil where there was none.
  private(set) var handle: FileHandle?
  /// The file as it was when it was read.
  private(set) var status: FileStatus?
  /// Whether the file was not read yet, although where to begin is known.
  private var isUnread = false
  /// Bytes that were read and needn't be again: those behind a torn line, and `unfinished`, are not among them.
  private var offset = 0
  /// The last bytes before `offset`.
  private var last: [UInt8] = []

  init(path: String) {
    self.path = path
  }

  /// Follows an open file from an offset on, at which a line begins: what stands before is known already.
  /// - Throws: ``SystemError``.
  init(path: String, following handle: FileHandle, from offset: Int) throws(SystemError) {
    self.path = path
    self.handle = handle
    self.offset = offset
    status = try handle.status()
    isUnread = true
    let start = max(0, offset - Self.comparedSize)
    last = try handle.read(count: offset - start, at: start)
  }

  /// Whether all of a file that looks like this was handed over; nil is no file.
  func haveAll(of current: FileStatus?) -> Bool {
    guard let current, let status else { return current == nil && status == nil }
    // What is unfinished may have been cut off and something as long written in its place, within one tick of the
    // file's time.
    return !isUnread && (unfinished.isEmpty || unfinished.count > Self.reReadSize)
      && status.identity == current.identity && status.size == current.size
      && status.modified == current.modified
  }

  /// Hands over every whole line that is new, without its newline, in order.
  /// - Parameter body: throws ``RecordLine/Damaged`` for a line that isn't what was written.
  /// - Throws: what `body` throws, where the line isn't torn; the same line is handed over next time. ``SystemError``.
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
    isUnread = false
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
    var lines = LineReader(handle, from: offset)
    var end = offset
    var isTorn = false
    unfinished = []
    defer {
      let count = min(end, Self.comparedSize)
      if end > offset, let bytes = try? handle.read(count: count, at: end - count), bytes.count == count {
        (offset, last) = (end, bytes)
      }
    }
    while let line = try lines.next() {
      if !line.isEnded {
        unfinished = Array(line.bytes)
        return
      }
      isTorn = try !deliver(line, of: handle, body) || isTorn
      if !isTorn { end = line.end }
    }
  }

  /// - Returns: false where the line is torn.
  private func deliver(
    _ line: LineReader.Line, of handle: FileHandle, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws -> Bool {
    do {
      guard line.isWhole else { throw RecordLine.Damaged() }
      if !line.bytes.isEmpty { try body(line.bytes) }
      return true
    } catch let error as RecordLine.Damaged {
      guard try LostWrite.tore(handle, from: line.start, to: line.end - 1) else { throw error }
      return false
    }
  }
}
