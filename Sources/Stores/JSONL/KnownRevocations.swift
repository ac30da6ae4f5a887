import POSIX

/// What a process knows to be revoked.
struct KnownRevocations {
  /// The beginning of the log.
  var snapshot: RevocationSnapshot?
  /// Whether a block of the snapshot was found to be damaged.
  var isDamaged = false
  /// What the rest of the log revokes.
  var tail: Set<TokenIDHash> = []
  /// What logs revoked that somebody else cut, wrote over or moved away: whoever does so makes no revoked token good
  /// again for this process.
  var earlierSnapshots: [RevocationSnapshot] = []
  var earlier: Set<TokenIDHash> = []
  /// A record whose newline is still to come, or was cut off.
  var unfinished: TokenIDHash?
  /// The log as it was when it was read to its end; nil where there was none.
  private var status: FileStatus?
  private var isComplete = false

  /// Whether a log that looks like this was read to its end; nil is no log.
  func isComplete(for current: FileStatus?) -> Bool {
    guard isComplete, let status, let current else { return isComplete && status == nil && current == nil }
    return status.identity == current.identity && status.size == current.size
      && status.modified == current.modified
  }

  mutating func complete(_ status: FileStatus?) {
    self.status = status
    isComplete = true
  }

  /// From here on the log has to be read again before anything is told of it.
  mutating func begin() { isComplete = false }

  /// Keeps what is known, whatever becomes of the log.
  mutating func keep() {
    if let snapshot { earlierSnapshots.append(snapshot) }
    snapshot = nil
    if earlier.isEmpty { swap(&earlier, &tail) } else { earlier.formUnion(tail) }
    tail = []
  }
}
