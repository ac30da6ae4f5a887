import POSIX

/// Follows a file that other processes append to. Each call delivers the lines that were added since the last
/// one, without a lock. If the file was replaced, cut or overwritten, it is read from its beginning again.
///
/// A torn line (see ``LostWrite``) is skipped, and the lines after it are delivered. They are delivered again
/// each time the file changes, until a writer has repaired the torn line.
struct AppendedLines {
  enum Change {
    /// The delivered lines are those that were added.
    case none
    /// Another file has the name now. All its lines were delivered.
    case replaced
    /// The file was cut or overwritten. All its lines were delivered.
    case rewritten
  }

  /// How many bytes before the offset are compared, to notice a file that was overwritten.
  private static let comparedSize = 64
  /// An unfinished line that is longer isn't read again until the file changes. Bytes.
  private static let reReadSize = 4096

  let path: String
  /// What follows the last newline: a writer is appending it, or was interrupted. If the line is too long for
  /// a record, only its beginning.
  private(set) var unfinished: [UInt8] = []
  /// The file that is followed; nil if there was none.
  private(set) var handle: FileHandle?
  /// The file's status before the last read; nil if there was no file.
  private(set) var status: FileStatus?
  /// Whether the file hasn't been read yet, although the offset is known.
  private var isUnread = false
  /// How many bytes were read and needn't be read again. Excludes a torn line, what follows it, and
  /// `unfinished`.
  private var offset = 0
  /// The last bytes before `offset`.
  private var last: [UInt8] = []

  init(path: String) {
    self.path = path
  }

  /// Follows an open file from an offset at which a line begins. The caller knows what comes before it.
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

  /// Whether all lines of a file with this status were delivered; nil stands for no file.
  func haveAll(of current: FileStatus?) -> Bool {
    guard let current, let status else { return current == nil && status == nil }
    // Another process may have cut the unfinished line and written a line of equal length in its place,
    // within one tick of the modification time.
    return !isUnread && (unfinished.isEmpty || unfinished.count > Self.reReadSize)
      && status.identity == current.identity && status.size == current.size
      && status.modified == current.modified
  }

  /// Delivers every new line that ends, without its newline, in order.
  /// - Parameter body: throws ``RecordLine/Damaged`` if the line isn't a record.
  /// - Returns: how the file changed since the last call.
  /// - Throws: what `body` throws, unless the line is torn; the next call delivers that line again.
  ///   ``SystemError``, ``StoreError``.
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
    // The status from before the read, so that the next call looks for what was appended meanwhile.
    status = current
    isUnread = false
    return change
  }

  private mutating func startOver() {
    offset = 0
    last = []
    unfinished = []
  }

  /// Whether the last bytes that were read are still there.
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

  /// - Returns: false if the line is torn.
  private func deliver(
    _ line: LineReader.Line, of handle: FileHandle, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws -> Bool {
    do {
      guard line.isWhole else { throw RecordLine.Damaged() }
      if !line.bytes.isEmpty { try body(line.bytes) }
      return true
    } catch let error as RecordLine.Damaged {
      guard try LostWrite.isTorn(handle, from: line.start, to: line.end - 1) else { throw error }
      return false
    }
  }
}
