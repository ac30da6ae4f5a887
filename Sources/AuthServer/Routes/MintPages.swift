import POSIX
import Stores

/// Finds the mints for one answer, slice by slice. Between slices, the server can notice that the client has
/// disconnected. The search ends when it has found enough or reaches its deadline.
final class MintPages {
  /// How long the search for one page takes at most. The next page continues where it stopped. Nanoseconds.
  private static let pageTime: UInt64 = 2_000_000_000

  /// The result of one step.
  enum Step {
    /// A mint that the query matches.
    case mint(Mint)
    /// The slice has no more mints.
    case none
    /// The end of the page. The cursor leads to the next page; nil if there is none.
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
  /// - Throws: ``StoreError``; ``UnknownCursor`` if the list doesn't have the query's cursor.
  func readFirst() throws {
    page = try mints.list(query)
  }

  /// The next step. It reads at most one slice.
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
      // The store has meanwhile removed the rest, because its retention has ended.
      page = MintPage(mints: [], cursor: nil)
    }
    return .none
  }

  /// Counts a mint that the answer includes.
  func countShown() { query.limit -= 1 }
}
