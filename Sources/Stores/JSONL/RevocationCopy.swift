import POSIX

/// A copy of a log of revocations, without those of expired tokens.
struct RevocationCopy {
  let path: String
  let draft: LogDraft
  let source: FileHandle
  /// The time by which expiry is judged. Seconds since 1970.
  let now: Double
  /// When tokens expire whose records don't tell, in the order of the log: `key.high` is the offset of a
  /// record, and `value` is `exp`.
  var expiries: MergedEntries?
  /// How many bytes of the source were copied.
  private(set) var copied = 0
  /// How many revocations were kept and dropped.
  private(set) var counts = (kept: 0, dropped: 0)

  init(path: String, draft: LogDraft, source: FileHandle, now: Double) {
    self.path = path
    self.draft = draft
    self.source = source
    self.now = now
  }

  /// Copies the log up to an offset.
  /// - Parameters:
  ///   - end: an offset at which a line ends. Bytes.
  ///   - keep: is called with each token that is kept.
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

  /// Whether the token might still be valid without its revocation.
  private func isGood(_ times: RevocationLine.Times, _ found: Int?) -> Bool {
    if let expiry = times.expiry ?? found { return Double(expiry) + RevocationCompaction.margin > now }
    // The lifetimes in the settings don't count, because the token may be older than they are.
    return times.revokedAt <= 0
      || times.revokedAt + RevocationCompaction.longestLifetime + RevocationCompaction.margin > now
  }
}
