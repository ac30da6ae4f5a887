import POSIX

/// A copy of a log of revocations that leaves out those of tokens that have expired.
struct RevocationCopy {
  let path: String
  let draft: LogDraft
  let source: FileHandle
  /// Seconds since 1970.
  let now: Double
  /// When tokens expire whose records don't tell: `key.high` is where the record begins, in the order of the log.
  var expiries: MergedEntries?
  /// Bytes of the source that were copied.
  private(set) var copied = 0
  private(set) var counts = (kept: 0, dropped: 0)

  init(path: String, draft: LogDraft, source: FileHandle, now: Double) {
    self.path = path
    self.draft = draft
    self.source = source
    self.now = now
  }

  /// Copies on to an offset.
  /// - Parameter keep: is told each token that is kept.
  /// - Throws: ``SystemError``, ``StoreError``, ``RecordLine/Damaged``, and what `keep` throws.
  mutating func advance(to end: Int, keep: (TokenIDHash) throws -> Void = { _ in }) throws {
    guard end > copied else { return }
    var lines = ForwardLines(source, path: path, in: copied..<end)
    while let (line, offset) = try lines.next() {
      let times = try RevocationLine.times(line)
      let found = try times.lacksExpiry ? expiry(at: offset) : nil
      guard isGood(times, found) else {
        counts.dropped += 1
        continue
      }
      counts.kept += 1
      try keep(times.hash)
      if let found {
        try draft.add(try RevocationLine.adding(expiry: found, to: line))
      } else {
        try draft.add(line)
        try draft.add(CollectionOfOne(UInt8(ascii: "\n")))
      }
    }
    copied = end
  }

  private mutating func expiry(at offset: Int) throws -> Int? {
    while let entry = expiries?.first, entry.key.high <= offset {
      _ = try expiries?.next()
      if entry.key.high == offset { return entry.value }
    }
    return nil
  }

  /// Whether the token may still be good, but for its revocation.
  private func isGood(_ times: RevocationLine.Times, _ found: Int?) -> Bool {
    if let expiry = times.expiry ?? found { return Double(expiry) + RevocationCompaction.margin > now }
    // Not what the settings allow now: the token may be older than they are.
    return times.revokedAt <= 0
      || times.revokedAt + RevocationCompaction.longestLifetime + RevocationCompaction.margin > now
  }
}
