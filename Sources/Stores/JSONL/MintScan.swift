import Logging
import POSIX

/// A page of mints that is being filled, from one file after the other, newest first.
struct MintScan {
  private let query: MintQuery
  private let logger: Logger
  private let deadline: UInt64
  private var linesLeft: Int
  /// Whether this call has got on at all: each does, however small the budget.
  private var hasMoved = false

  private(set) var mints: [Mint] = []
  /// Where the next page begins. A file is named by its inode, which stays when it is rotated.
  private(set) var cursor: String?
  private(set) var isDone = false

  init(_ query: MintQuery, logger: Logger) {
    self.query = query
    self.logger = logger
    let (deadline, overflow) = Clock.monotonicNanoseconds.addingReportingOverflow(query.budget.nanoseconds)
    self.deadline = overflow ? .max : deadline
    linesLeft = query.budget.lines
  }

  private var isUsedUp: Bool { hasMoved && (linesLeft <= 0 || Clock.monotonicNanoseconds >= deadline) }

  /// Looks at the mints of a file that stand before `end`, until the page is full or the budget used up.
  mutating func read(_ path: String, _ handle: FileHandle, before end: Int) throws {
    try read(path, handle, 0..<end)
  }

  private mutating func read(_ path: String, _ handle: FileHandle, _ range: Range<Int>) throws {
    var lines = BackwardLines(handle, before: range.upperBound, downTo: range.lowerBound)
    while true {
      // At the beginning of a file the next one tells better where to go on.
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
    if line.bytes.isEmpty { return }
    guard let mint = (try? RecordLine.object(line.bytes)).flatMap({ Mint($0) }) else {
      logger.error("damaged record skipped", metadata: ["file": "\(path)", "offset": "\(line.start)"])
      return
    }
    guard query.includes(mint) else { return }
    // There is more: the next page begins below the last mint of this one.
    if mints.count == query.limit { return try stop(handle, line.end) }
    mints.append(mint)
    // No second token has that identifier.
    if query.tokenID != nil { isDone = true }
  }

  private mutating func stop(_ handle: FileHandle, _ offset: Int) throws {
    cursor = try FileCursor(handle, offset: offset).text
    isDone = true
  }
}
