import POSIX

/// Finds out when revoked tokens expire whose records don't tell. Memory is bounded: the records without
/// `exp` and the mint audit are each sorted by token, and merged.
struct RevocationDating {
  private static let pageSize = 10_000

  private let path: String
  private let mints: any MintAuditStore

  init(path: String, mints: any MintAuditStore) {
    self.path = path
    self.mints = mints
  }

  /// Looks up the records without `exp` of a part of a log in the mint audit. The audit is read only if there
  /// are such records.
  /// - Parameter range: offsets in the log at which lines begin and end. Bytes.
  /// - Returns: entries in the order of the log. `key.high` is the offset of a record, and `value` is the
  ///   token's `exp`.
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
        // If a token was recorded twice, the later expiry comes last and counts.
        (key, expiry) = (mint.key, mint.value)
        _ = try minted.next()
      }
      guard key == record.key else { continue }
      try found.add(SortEntry(key: TokenIDHash(high: UInt64(record.value), low: 0), value: expiry))
    }
  }
}
