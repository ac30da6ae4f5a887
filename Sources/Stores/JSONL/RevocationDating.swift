import POSIX

/// Finds out when revoked tokens expire whose records don't tell, in bounded memory: the records without `exp` and the mint
/// audit are both sorted by token, and merged.
struct RevocationDating {
  private static let pageSize = 10_000

  private let path: String
  private let mints: any MintAuditStore

  init(path: String, mints: any MintAuditStore) {
    self.path = path
    self.mints = mints
  }

  /// What the mint audit knows of the undated records in a part of a log. It isn't read where every record has a date.
  /// - Returns: entries in the order of the log: `key.high` is where a record begins, and `value` the token's `exp`.
  /// - Throws: ``StoreError``, ``SystemError``, ``RecordLine/Damaged``.
  func expiries(_ log: FileHandle, in range: Range<Int>) throws -> MergedEntries {
    let undated = ExternalSort(beside: path)
    var lines = ForwardLines(log, path: path, in: range)
    while let (line, offset) = try lines.next() {
      let times = try RevocationLine.times(line)
      if times.lacksExpiry { try undated.add(SortEntry(key: times.hash, value: offset)) }
    }
    let found = ExternalSort(beside: path)
    if !undated.isEmpty { try join(undated.merged(), try minted().merged(), into: found) }
    return try found.merged()
  }

  private func minted() throws -> ExternalSort {
    let minted = ExternalSort(beside: path)
    var query = MintQuery(limit: Self.pageSize)
    while true {
      let page = try mints.list(query)
      for mint in page.mints where mint.expiry > 0 {
        try minted.add(SortEntry(key: TokenIDHash(mint.tokenID), value: mint.expiry))
      }
      guard let cursor = page.cursor else { return minted }
      query.before = cursor
    }
  }

  private func join(
    _ undated: MergedEntries, _ minted: MergedEntries, into found: ExternalSort
  ) throws {
    var (undated, minted) = (undated, minted)
    var (key, expiry): (TokenIDHash?, Int) = (nil, 0)
    while let record = try undated.next() {
      while let mint = minted.first, mint.key <= record.key {
        // Of a token that was recorded twice the later expiry, which comes last.
        (key, expiry) = (mint.key, mint.value)
        _ = try minted.next()
      }
      guard key == record.key else { continue }
      try found.add(SortEntry(key: TokenIDHash(high: UInt64(record.value), low: 0), value: expiry))
    }
  }
}
