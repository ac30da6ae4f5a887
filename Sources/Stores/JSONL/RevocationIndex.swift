import Logging
import POSIX
import Synchronization

/// The tokens that a log of revocations revokes, kept up to date with the log: its snapshot, and 16 bytes in
/// memory for each later record.
///
/// A look-up takes a lock only to look into a set. Another lock protects reading the log. A look-up waits for
/// that one only if the log has changed since it was last read.
final class RevocationIndex: Sendable {
  /// How many records may follow a snapshot before another is worth writing.
  static let defaultTailLimit = 1 << 17
  private static let batchSize = 4096

  private struct Follower {
    var lines: AppendedLines
    /// The snapshot file that was opened last, whether it was used or not.
    var seen: FileStatus.Identity?
  }

  private let path: String
  private let tailLimit: Int
  private let logger: Logger
  private let known = Mutex(KnownRevocations())
  private let follower: Mutex<Follower>

  init(path: String, tailLimit: Int = defaultTailLimit, logger: Logger) {
    self.path = path
    self.tailLimit = tailLimit
    self.logger = logger
    follower = Mutex(Follower(lines: AppendedLines(path: path)))
  }

  /// Whether a token is revoked, if a log with this status was read to its end. Nil otherwise.
  /// - Parameter status: nil if there is no log.
  /// - Throws: ``RevocationSnapshot/Damaged`` if only the log can tell; ``StoreError`` if nothing can;
  ///   ``WouldWait`` if a block of the snapshot isn't in memory and this thread may not wait.
  func answer(_ hash: TokenIDHash, asOf status: FileStatus?) throws -> Bool? {
    let (isKnown, snapshots) = known.withLock { known -> (Bool?, Snapshots?) in
      guard known.isComplete(for: status) else { return (nil, nil) }
      return (Self.isInMemory(hash, known), Snapshots(known))
    }
    guard let isKnown, let snapshots else { return nil }
    return try isKnown || snapshots.contains(hash, path)
  }

  /// Whether a token is revoked, as of the last ``refresh()``.
  /// - Throws: as ``answer(_:asOf:)`` does.
  func contains(_ hash: TokenIDHash) throws -> Bool {
    let (isKnown, snapshots) = known.withLock { (Self.isInMemory(hash, $0), Snapshots($0)) }
    return try isKnown || snapshots.contains(hash, path)
  }

  private static func isInMemory(_ hash: TokenIDHash, _ known: KnownRevocations) -> Bool {
    known.tail.contains(hash) || known.earlier.contains(hash) || known.unfinished == hash
  }

  /// The snapshots, which are searched without the lock because that reads a file.
  private struct Snapshots {
    let current: RevocationSnapshot?
    let earlier: [RevocationSnapshot]

    init(_ known: KnownRevocations) {
      current = known.snapshot
      earlier = known.earlierSnapshots
    }

    func contains(_ hash: TokenIDHash, _ path: String) throws -> Bool {
      do {
        for snapshot in earlier { if try snapshot.contains(hash) { return true } }
      } catch is RevocationSnapshot.Damaged {
        throw StoreError("\(path): the snapshot of an earlier log is damaged; restart the workers")
      }
      return try current?.contains(hash) ?? false
    }
  }

  /// Whether the snapshot is damaged, or so many records follow it that another is worth writing.
  var isSnapshotDue: Bool { known.withLock { $0.isDamaged || $0.tail.count >= limit($0) } }

  /// Marks the snapshot as damaged. The next one that a process writes replaces it.
  func distrustSnapshot() { known.withLock { $0.isDamaged = true } }

  /// How many records may follow the snapshot: a sixteenth of its tokens, so that rewriting it costs a
  /// constant per record.
  private func limit(_ known: KnownRevocations) -> Int {
    max(tailLimit, (known.snapshot?.header.count ?? 0) / 16)
  }

  // MARK: - Following the log

  /// How much a thread that may not wait reads. Bytes.
  private static let quickSize = 1 << 18

  /// Reads what was appended since the last call.
  /// - Throws: ``RecordLine/Damaged`` for a damaged line, in this call and each later one. ``SystemError``,
  ///   ``StoreError``. ``WouldWait`` if this thread may not wait and the log was replaced, has grown by more
  ///   than 256 KiB, or is being read by another thread.
  func refresh() throws {
    if Waiting.isAllowed { return try follower.withLock { try refresh(&$0) } }
    let isDone: Void? = try follower.withLockIfAvailable { follower in
      let size = follower.lines.status?.size ?? 0
      if let status = try FileStatus.ofFile(at: path),
        status.identity != follower.lines.status?.identity || status.size > size + Self.quickSize
      {
        throw WouldWait()
      }
      try refresh(&follower)
    }
    if isDone == nil { throw WouldWait() }
  }

  private func refresh(_ follower: inout Follower) throws {
    if let status = try FileStatus.ofFile(at: path), let log = try newLog(status, follower.lines) {
      try follow(log, &follower)
    } else if isSnapshotDue, let log = follower.lines.handle {
      try adopt(log, &follower)
    }
    try readOn(&follower.lines)
  }

  /// The log that has the name now; nil if it is the one that is followed.
  private func newLog(_ status: FileStatus, _ lines: AppendedLines) throws -> FileHandle? {
    if lines.handle != nil, lines.status?.identity == status.identity { return nil }
    return try SharedFiles.open(path, flags: .read)
  }

  /// Begins another log at the end of its snapshot. Without a snapshot, the log is read from its beginning,
  /// and what the former one revoked is kept.
  private func follow(_ log: FileHandle, _ follower: inout Follower) throws {
    guard let snapshot = RevocationSnapshot.of(log, path: path, logger: logger) else { return }
    let former = follower.lines.handle
    let isSuccessor = try former.map { try snapshot.isOf(successorOf: $0) } ?? true
    try begin(snapshot, log, &follower) { known in
      if !isSuccessor { known.keep() }
    }
  }

  /// Uses a snapshot that another process or thread has written of the same log meanwhile.
  private func adopt(_ log: FileHandle, _ follower: inout Follower) throws {
    let file = SnapshotPath.of(try log.status().identity, log: path)
    guard let seen = try FileStatus.ofFile(at: file)?.identity, seen != follower.seen else { return }
    follower.seen = seen
    guard let snapshot = RevocationSnapshot.of(log, path: path, logger: logger) else { return }
    try begin(snapshot, log, &follower) { _ in }
  }

  private func begin(
    _ snapshot: RevocationSnapshot, _ log: FileHandle, _ follower: inout Follower,
    _ body: (inout KnownRevocations) -> Void
  ) throws {
    follower.lines = try AppendedLines(path: path, following: log, from: snapshot.covered)
    follower.seen = snapshot.identity
    // The former set is freed outside of the lock, because it may be large.
    _ = known.withLock { known -> (RevocationSnapshot?, Set<TokenIDHash>) in
      body(&known)
      known.begin()
      let former = (known.snapshot, known.tail)
      (known.snapshot, known.tail, known.unfinished) = (snapshot, [], nil)
      known.isDamaged = false
      return former
    }
  }

  private func readOn(_ lines: inout AppendedLines) throws {
    var batch: [TokenIDHash] = []
    func add() {
      known.withLock { $0.tail.formUnion(batch) }
      batch.removeAll(keepingCapacity: true)
    }
    defer { add() }
    let change = try lines.read { line in
      batch.append(try RevocationLine.hash(line))
      if batch.count == Self.batchSize { add() }
    }
    add()
    if change == .rewritten {
      logger.error(
        "another program cut or overwrote the file; exclude it from logrotate", metadata: ["file": "\(path)"])
    }
    let unfinished =
      lines.unfinished.isEmpty ? nil : try? RevocationLine.hash(lines.unfinished[...])
    known.withLock { known in
      if change != .none { known.keep() }
      known.unfinished = unfinished
      if lines.haveAll(of: lines.status) { known.complete(lines.status) } else { known.begin() }
    }
  }
}
