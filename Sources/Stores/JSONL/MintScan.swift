import Logging
import POSIX

/// Fills a page with mints from one file after the other, newest first.
struct MintScan {
  private let query: MintQuery
  /// The texts that are looked for, as a line spells them without escapes.
  private let needles: [[UInt8]]
  private let logger: Logger
  private let deadline: UInt64
  private var linesLeft: Int
  /// Whether this scan has made progress. Each scan does, however small its budget is.
  private var hasMoved = false

  private(set) var mints: [Mint] = []
  /// The cursor of the next page. It names the file by its inode, which stays the same when the file is
  /// rotated.
  private(set) var cursor: String?
  private(set) var isDone = false
  /// Whether more was read than with an index.
  private(set) var lacksIndex = false

  init(_ query: MintQuery, logger: Logger) {
    self.query = query
    needles = [query.tokenID, query.subject, query.sessionID, query.session].compactMap { text in
      // A member that is missing counts as empty.
      text.flatMap { $0.isEmpty ? nil : Array("\"\($0)\"".utf8) }
    }
    self.logger = logger
    let (deadline, overflow) = Clock.monotonicNanoseconds.addingReportingOverflow(query.budget.nanoseconds)
    self.deadline = overflow ? .max : deadline
    linesLeft = query.budget.lines
  }

  private var isUsedUp: Bool { hasMoved && (linesLeft <= 0 || Clock.monotonicNanoseconds >= deadline) }

  /// Reads the mints of a file before an offset, until the page is full or the budget is used up.
  /// - Parameters:
  ///   - path: the file's path, to find its index.
  ///   - handle: the open file.
  ///   - end: an offset at which a line ends. Bytes.
  ///   - unindexed: how much of the file may be without an index. Bytes.
  /// - Throws: ``SystemError``, ``StoreError``.
  mutating func read(
    _ path: String, _ handle: FileHandle, before end: Int, unindexed: Int
  ) throws {
    if isUsedUp { return try stop(handle, end) }
    let keys = MintKey.all(of: query)
    let index = keys.isEmpty ? nil : try MintIndex(of: path, handle)
    let covered = min(end, index?.header.covered ?? 0)
    if !keys.isEmpty && end - covered > unindexed { lacksIndex = true }
    try read(path, handle, covered..<end)
    if let index, !isDone { try read(path, handle, before: covered, index, keys) }
    hasMoved = true
  }

  /// Reads the blocks that may hold matching mints.
  private mutating func read(
    _ path: String, _ handle: FileHandle, before end: Int, _ index: MintIndex, _ keys: [UInt32]
  ) throws {
    let blocks: Set<UInt16>
    do {
      blocks = try keys.dropFirst().reduce(try index.blocks(of: keys[0])) {
        $0.intersection(try index.blocks(of: $1))
      }
    } catch {
      logger.warning(
        "index is damaged; the file is read instead; remove the index to have it built again",
        metadata: ["file": "\(MintIndex.path(of: path))", "reason": "\(error)"])
      lacksIndex = true
      return try read(path, handle, 0..<end)
    }
    var upper = end
    for block in blocks.sorted(by: >) where !isDone {
      let start = Int(block) << index.header.blockShift
      let first = try Self.startOfLine(from: start, before: end, handle)
      let last = try Self.startOfLine(from: start + (1 << index.header.blockShift), before: upper, handle)
      if first < last { try read(path, handle, first..<last) }
      upper = first
    }
  }

  /// The first offset at or after `offset` at which a line begins, or `end` if no line begins before it.
  private static func startOfLine(from offset: Int, before end: Int, _ handle: FileHandle) throws -> Int {
    if offset == 0 { return 0 }
    var position = offset - 1
    while position < end {
      let bytes = try handle.read(count: min(4096, end - position), at: position)
      if let newline = bytes.firstIndex(of: UInt8(ascii: "\n")) { return position + newline + 1 }
      if bytes.isEmpty { break }
      position += bytes.count
    }
    return end
  }

  private mutating func read(_ path: String, _ handle: FileHandle, _ range: Range<Int>) throws {
    var lines = BackwardLines(handle, before: range.upperBound, downTo: range.lowerBound)
    while true {
      // At the beginning of a file, the cursor is taken from the next file instead.
      if isUsedUp, lines.resumeOffset > range.lowerBound {
        return try stop(handle, lines.resumeOffset)
      }
      switch try lines.step() {
      case .end: return
      case .pause: hasMoved = hasMoved || lines.resumeOffset < range.upperBound
      case .line(let line):
        hasMoved = true
        linesLeft -= 1
        try add(line, of: path, handle)
        if isDone { return }
      }
    }
  }

  private mutating func add(_ line: BackwardLines.Line, of path: String, _ handle: FileHandle) throws {
    if line.bytes.isEmpty || !canMatch(line.bytes) { return }
    guard let mint = (try? RecordLine.object(line.bytes)).flatMap({ Mint($0) }) else {
      logger.error(
        "damaged record skipped; run pico-auth store verify",
        metadata: ["file": "\(path)", "offset": "\(line.start)"])
      return
    }
    guard query.includes(mint) else { return }
    // There are more mints. The next page begins below the last mint of this one.
    if mints.count == query.limit { return try stop(handle, line.end) }
    mints.append(mint)
    // No other token has that identifier.
    if query.tokenID != nil { isDone = true }
  }

  /// Whether a line can be one of those that are looked for. Parsing a line costs a hundred times as much as
  /// this.
  private func canMatch(_ line: ArraySlice<UInt8>) -> Bool {
    if needles.allSatisfy({ line.holds($0) }) { return true }
    // A line with escapes may spell a text in another way.
    return line.holds([UInt8(ascii: "\\")])
  }

  private mutating func stop(_ handle: FileHandle, _ offset: Int) throws {
    cursor = try FileCursor(handle, offset: offset).text
    isDone = true
  }
}
