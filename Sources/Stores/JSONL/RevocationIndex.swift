import Logging
import POSIX
import Synchronization

/// Which tokens a log of revocations has revoked, kept up with the log: its snapshot, and 16 bytes in memory for each
/// record behind that.
///
/// Look-ups take a lock for as long as it takes to look into a set. Reading the log is another's: a look-up waits for it
/// only where the log has changed since it was read.
final class RevocationIndex: Sendable {
  /// How many records may stand behind a snapshot before it is worthwhile to write another.
  static let defaultTailLimit = 1 << 17
  private static let batchSize = 4096

  private struct Follower {
    var lines: AppendedLines
    /// The snapshot that was looked at last, whether it was used or not.
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

  /// Whether a token is revoked, where a log that looks like this was read to its end; else nil.
  /// - Parameter status: nil where there is no log.
  /// - Throws: ``RevocationSnapshot/Damaged`` where only the log can tell; ``StoreError`` where nothing can.
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

  /// What is looked at without the lock, as it is read from a file.
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
        throw StoreError("\(path): a snapshot of a log that is gone is damaged; restart the worker")
      }
      return try current?.contains(hash) ?? false
    }
  }

  /// Whether so many records stand behind the snapshot that another is worthwhile, or it is damaged.
  var wantsSnapshot: Bool { known.withLock { $0.isDamaged || $0.tail.count >= limit($0) } }

  /// Has the snapshot replaced by the next that somebody makes.
  func distrustSnapshot() { known.withLock { $0.isDamaged = true } }

  /// A sixteenth of what the snapshot has, so that writing it anew costs each record a constant.
  private func limit(_ known: KnownRevocations) -> Int {
    max(tailLimit, (known.snapshot?.header.count ?? 0) / 16)
  }

  // MARK: - Following the log

  /// How much is read by a thread that may not wait. Bytes.
  private static let quickSize = 1 << 18

  /// Reads what has come since the last time.
  /// - Throws: ``RecordLine/Damaged`` for a damaged line, and then again each time; ``SystemError``, ``StoreError``;
  ///   ``WouldWait`` where there is another log, or much to read, or another thread is at it, and this one may not wait.
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
    } else if wantsSnapshot, let log = follower.lines.handle {
      try adopt(log, &follower)
    }
    try readOn(&follower.lines)
  }

  /// The log that has the name now, if it isn't the one that is followed.
  private func newLog(_ status: FileStatus, _ lines: AppendedLines) throws -> FileHandle? {
    if lines.handle != nil, lines.status?.identity == status.identity { return nil }
    return try SharedFiles.open(path, flags: .read)
  }

  /// Begins with another log at the end of its snapshot. Without a snapshot it is read from its beginning, and what the
  /// former one revoked is kept.
  private func follow(_ log: FileHandle, _ follower: inout Follower) throws {
    guard let snapshot = RevocationSnapshot.of(log, path: path, logger: logger) else { return }
    let former = follower.lines.handle
    let isSuccessor = try former.map { try snapshot.isOf(successorOf: $0) } ?? true
    try begin(snapshot, log, &follower) { known in
      if !isSuccessor { known.keep() }
    }
  }

  /// Goes on with a snapshot that somebody has made of the same log meanwhile.
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
    // What was known is given up outside of the lock: it may be a large set.
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
      logger.error("file was cut or written over by somebody else", metadata: ["file": "\(path)"])
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
