import POSIX

/// The revoked tokens that a process knows.
struct KnownRevocations {
  /// The tokens that the beginning of the log revokes.
  var snapshot: RevocationSnapshot?
  /// Whether a block of the snapshot is known to be damaged.
  var isDamaged = false
  /// The tokens that the rest of the log revokes.
  var tail: Set<TokenIDHash> = []
  /// The tokens that earlier logs revoked, if another program cut, overwrote or moved these logs. That makes
  /// no revoked token valid again in this process.
  var earlierSnapshots: [RevocationSnapshot] = []
  var earlier: Set<TokenIDHash> = []
  /// The token of a record at the end of the log that lacks its newline.
  var unfinished: TokenIDHash?
  /// The log's status when it was read to its end; nil if there was no log.
  private var status: FileStatus?
  private var isComplete = false

  /// Whether a log with this status was read to its end; nil stands for no log.
  func isComplete(for current: FileStatus?) -> Bool {
    guard isComplete, let status, let current else { return isComplete && status == nil && current == nil }
    return status.identity == current.identity && status.size == current.size
      && status.modified == current.modified
  }

  /// The log with this status was read to its end.
  mutating func complete(_ status: FileStatus?) {
    self.status = status
    isComplete = true
  }

  /// The log must be read again before a look-up uses it.
  mutating func begin() { isComplete = false }

  /// Keeps what is known of this log when another takes its place.
  mutating func keep() {
    if let snapshot { earlierSnapshots.append(snapshot) }
    snapshot = nil
    if earlier.isEmpty { swap(&earlier, &tail) } else { earlier.formUnion(tail) }
    tail = []
  }
}
