import POSIX
import Stores

/// Looks for as many mints as were asked for, slice by slice, so that whoever no longer waits for them is noticed, and
/// for no longer than a page may take.
final class MintPages {
  /// How long a page is looked for. What it lacks then, the next one begins with. Nanoseconds.
  private static let pageTime: UInt64 = 2_000_000_000

  enum Step {
    case mint(Mint)
    /// None in this slice.
    case none
    case end(cursor: String?)
  }

  private var query: MintQuery
  private let mints: any MintAuditStore
  private var page = MintPage(mints: [], cursor: nil)
  private var index = 0
  private let deadline = Clock.monotonicNanoseconds + pageTime

  init(_ query: MintQuery, of mints: any MintAuditStore) {
    self.query = query
    self.query.budget = .slice
    self.mints = mints
  }

  /// Reads the first slice.
  /// - Throws: ``StoreError``, ``UnknownCursor``.
  func readFirst() throws {
    page = try mints.list(query)
  }

  /// - Throws: ``StoreError``.
  func next() throws -> Step {
    if index < page.mints.count {
      index += 1
      return .mint(page.mints[index - 1])
    }
    guard let cursor = page.cursor, query.limit > 0, Clock.monotonicNanoseconds < deadline else {
      return .end(cursor: page.cursor)
    }
    query.before = cursor
    index = 0
    do {
      page = try mints.list(query)
    } catch is UnknownCursor {
      // What was left is too old to be kept, and has been removed meanwhile.
      page = MintPage(mints: [], cursor: nil)
    }
    return .none
  }

  /// One of them is part of the answer.
  func countShown() { query.limit -= 1 }
}
