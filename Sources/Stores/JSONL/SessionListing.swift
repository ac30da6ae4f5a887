import POSIX

/// Fills a page with sessions, within a budget.
struct SessionListing {
  private let query: SessionQuery
  private let maskKey: [UInt8]
  private let deadline: UInt64
  private var left: Int
  /// Whether this list has made progress. Each one does, however small its budget is.
  private var hasMoved = false
  private var sessions: [Session] = []
  private var cursor: String?
  private(set) var isDone = false

  init(_ query: SessionQuery, maskKey: [UInt8]) {
    self.query = query
    self.maskKey = maskKey
    let (deadline, overflow) = Clock.monotonicNanoseconds.addingReportingOverflow(query.budget.nanoseconds)
    self.deadline = overflow ? .max : deadline
    left = query.budget.lines
  }

  /// The index to begin at; nil for the newest session.
  /// - Throws: ``UnknownCursor``.
  var start: Int? {
    get throws { try query.before.map { try SessionPosition.index(ofCursor: $0, maskKey: maskKey) } }
  }

  var page: SessionPage { SessionPage(sessions: sessions, cursor: cursor) }

  /// Looks at the session at an index.
  /// - Parameter session: reads it; returns nil if it can't be read.
  mutating func add(at index: Int, _ session: () throws -> Session?) rethrows {
    guard move(to: index), let session = try session(), query.includes(session) else { return }
    if sessions.count == query.limit { return stop(index) }
    sessions.append(session)
  }

  /// Passes over an index without a session.
  mutating func pass(_ index: Int) { _ = move(to: index) }

  private mutating func move(to index: Int) -> Bool {
    if hasMoved && (left <= 0 || Clock.monotonicNanoseconds >= deadline) {
      stop(index)
      return false
    }
    hasMoved = true
    left -= 1
    return true
  }

  /// The next page begins at an index.
  private mutating func stop(_ index: Int) {
    cursor = SessionPosition.cursor(index: index, maskKey: maskKey)
    isDone = true
  }
}
