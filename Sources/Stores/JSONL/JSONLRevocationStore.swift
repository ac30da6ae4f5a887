import Logging
import POSIX
import Synchronization
import Wire

/// Revocations in one file, one JSON object per line. Every process follows the file: the next look-up of any
/// process sees what another appended. Files of pico-server-auth can be used unchanged.
public final class JSONLRevocationStore: RevocationStore {
  private struct State {
    /// Whether the index follows the file. A CGI script makes one look-up, which is cheaper without the
    /// index.
    var isLoaded = false
    var lookups = 0
    /// Whether the process is long-lived, so that it writes snapshots in the background.
    var isLongLived = false
    /// The earliest time for the next snapshot, in ``Clock/monotonicNanoseconds``; nil while one is being
    /// written.
    var nextSnapshot: UInt64? = 0
  }

  /// The pause after a snapshot was written or failed. Nanoseconds.
  private static let snapshotPause: UInt64 = 60_000_000_000
  /// A log without a snapshot gets one before it is read, if it is larger than the tail's limit times this.
  /// Bytes per record.
  private static let bytesPerRecord = 128

  /// The file.
  public let path: String
  private let clock: Clock
  private let logger: Logger
  private let log: AppendLog
  /// Held by the one process that compacts.
  private let compaction: FileLock
  private let index: RevocationIndex
  private let tailLimit: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - path: the file. While there is none, nothing is revoked. `<path>.lock` is beside it.
  ///   - clock: the time of day.
  ///   - logger: gets what the store repairs or ignores.
  public convenience init(path: String, clock: Clock, logger: Logger) {
    self.init(path: path, tailLimit: RevocationIndex.defaultTailLimit, clock: clock, logger: logger)
  }

  /// - Parameter tailLimit: how many records may follow a snapshot before a long-lived process writes
  ///   another.
  init(path: String, tailLimit: Int, clock: Clock, logger: Logger) {
    self.path = path
    self.clock = clock
    self.logger = logger
    self.tailLimit = tailLimit
    log = AppendLog(path: path, clock: clock, logger: logger)
    compaction = FileLock(path: path + ".compact.lock")
    index = RevocationIndex(path: path, tailLimit: tailLimit, logger: logger)
  }

  /// Opens the file's snapshot and reads what follows it. Without this call, the first look-up searches the
  /// file, which is all that a CGI script needs, and the second one does this.
  public func prepare() throws {
    do {
      if try isLargeWithoutSnapshot() { try makeSnapshot() }
    } catch {
      // If the log is damaged, `load()` throws. If the disk is full, the log is read into memory.
      logger.warning("snapshot can't be written", metadata: ["reason": "\(error)"])
    }
    try load()
    state.withLock { $0.isLongLived = true }
  }

  private func isLargeWithoutSnapshot() throws -> Bool {
    guard let handle = try SharedFiles.open(path, flags: .read),
      try handle.status().size > tailLimit * Self.bytesPerRecord
    else { return false }
    return RevocationSnapshot.of(handle, path: path, logger: logger) == nil
  }

  public func checkWritable() throws {
    try log.locked { try SharedFiles.checkWritable(path) }
  }

  // MARK: - Looking up

  public func isRevoked(_ tokenID: String) throws -> Bool {
    let hash = TokenIDHash(tokenID)
    return try StoreError.translating(path) {
      do {
        // The system call is made outside of the lock that all threads take. The answer includes everything
        // that the file held at that time.
        if let answer = try index.answer(hash, asOf: try FileStatus.ofFile(at: path)) { return answer }
        let isFirst = state.withLock { state in
          state.lookups += 1
          return !state.isLoaded && state.lookups == 1
        }
        if isFirst { return try searchOnce(hash) }
        try load()
        writeSnapshotIfDue()
        return try index.contains(hash)
      } catch is RevocationSnapshot.Damaged {
        return try isRevokedInLog(tokenID, hash)
      }
    }
  }

  private func load() throws {
    try StoreError.translating(path) { try index.refresh() }
    state.withLock { $0.isLoaded = true }
  }

  /// Makes one look-up without reading the list into memory.
  private func searchOnce(_ hash: TokenIDHash) throws -> Bool {
    guard let handle = try SharedFiles.open(path, flags: .read) else { return false }
    let snapshot = RevocationSnapshot.of(handle, path: path, logger: logger)
    if try snapshot?.contains(hash) == true { return true }
    return try RevocationLine.revokes(hash, in: handle, from: snapshot?.covered ?? 0, path: path)
  }

  /// Searches the log because a block of the snapshot is damaged. This is slow, and affects one token in some
  /// thousands, until another snapshot is written.
  private func isRevokedInLog(_ tokenID: String, _ hash: TokenIDHash) throws -> Bool {
    logger.error("snapshot is damaged; the log is searched", metadata: ["file": "\(path)"])
    index.distrustSnapshot()
    if state.withLock({ $0.isLongLived }) {
      try load()
      writeSnapshotIfDue()
      if let answer = try? index.contains(hash) { return answer }
    }
    return try existing(tokenID) != nil
  }

  // MARK: - Revoking

  public func revoke(
    _ tokenID: String, reason: String, by actor: String, expiry: Int?
  ) throws -> Revocation {
    guard !tokenID.isEmpty else { throw StoreError("an empty jti can't be revoked") }
    // The slow part is done before the lock is taken, because others wait for it.
    let earlier = try known(tokenID)
    let (revocation, end) = try log.locked {
      let end = try log.open(renew: renew)
      if let earlier = try earlier ?? known(tokenID) { return (earlier, end) }
      let revocation = Revocation(
        tokenID: tokenID, revokedAt: clock.now, reason: reason, revokedBy: actor, expiry: expiry)
      return (revocation, try log.append(RecordLine.seal(revocation.record), at: end))
    }
    // This waits for an earlier entry too, because its writer may not have seen it reach the disk.
    try log.waitUntilDurable(end, renew: renew)
    return revocation
  }

  public func revoke(
    _ tokens: [(tokenID: String, expiry: Int?)], reason: String, by actor: String
  ) throws {
    try load()
    // The records are made before the lock is taken, because others wait for it.
    var hashes: Set<TokenIDHash> = []
    var records: [(tokenID: String, line: [UInt8])] = []
    for (tokenID, expiry) in tokens where hashes.insert(TokenIDHash(tokenID)).inserted {
      let revocation = Revocation(
        tokenID: tokenID, revokedAt: clock.now, reason: reason, revokedBy: actor, expiry: expiry)
      records.append((tokenID, RecordLine.seal(revocation.record)))
    }
    let end = try log.locked {
      let end = try log.open(renew: renew)
      try load()
      let lines = try records.filter { try !isKnown($0.tokenID) }.flatMap(\.line)
      return lines.isEmpty ? end : try log.append(lines, at: end)
    }
    try log.waitUntilDurable(end, renew: renew)
  }

  /// Whether a token is revoked, as of the last ``load()``. Searches the log only if the snapshot is damaged.
  private func isKnown(_ tokenID: String) throws -> Bool {
    try (try? index.contains(TokenIDHash(tokenID))) ?? (existing(tokenID) != nil)
  }

  /// The entry that revoked a token; nil if the token isn't revoked. Searches the log only if it is.
  private func known(_ tokenID: String) throws -> Revocation? {
    try load()
    return try StoreError.translating(path) {
      let isKnown = (try? index.contains(TokenIDHash(tokenID))) ?? true
      return isKnown ? try existing(tokenID) : nil
    }
  }

  /// Finds the first entry of a token in the log.
  private func existing(_ tokenID: String) throws -> Revocation? {
    guard let handle = try SharedFiles.open(path, flags: .read) else { return nil }
    if Self.isPlain(tokenID), let found = try RevocationLine.find(tokenID, in: handle) { return found }
    // The list is newest first, so the first entry comes last.
    var found: Revocation?
    let reader = try list(since: nil).makeReader()
    while let revocation = try reader.next() {
      if revocation.tokenID.hasSameBytes(as: tokenID) { found = revocation }
    }
    return found
  }

  /// Whether JSON writes a text without escapes.
  private static func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c && $0 != 0x2f }
  }

  /// Writes the log anew after the disk failed to take it. Call this under the log's lock.
  private func renew(_ file: LogFile) throws {
    let draft = try LogDraft(path: path + ".renewed", like: file.handle)
    var lines = ForwardLines(file.handle, path: path, in: 0..<(try file.handle.status().size))
    while let (line, _) = try lines.next() {
      _ = try RevocationLine.hash(line)
      try draft.add(line)
      try draft.add(CollectionOfOne(UInt8(ascii: "\n")))
    }
    try draft.replace(file, of: log)
  }

  // MARK: - Compacting

  /// Drops the revocations of tokens that expired more than a minute ago. Others can read and append
  /// meanwhile.
  ///
  /// The record or the mint audit tells when a token expires. If only the audit does, the expiry is added to
  /// the record. If neither does, the revocation is kept for 100 years, which is longer than any token lives.
  /// - Parameters:
  ///   - mints: the mint audit; nil if there is none.
  ///   - force: trusts the clock even if it is more than 30 days ahead of the newest revocation and mint.
  /// - Returns: how many revocations were kept and dropped.
  /// - Throws: ``StoreError``. The file is unchanged then.
  public func compact(
    mints: (any MintAuditStore)?, force: Bool = false
  ) throws -> (kept: Int, dropped: Int) {
    let run = RevocationCompaction(path: path, log: log, clock: clock, logger: logger, renew: renew)
    return try StoreError.translating(path) {
      try compaction.withLock { try run.run(mints: mints, force: force) }
    }
  }

  /// Writes a snapshot of the file as it is now.
  /// - Returns: false if another process is writing one.
  /// - Throws: ``StoreError``.
  @discardableResult
  func makeSnapshot() throws -> Bool {
    try StoreError.translating(path) {
      try SnapshotMaker(path: path, log: log, logger: logger, renew: renew).run()
    }
  }

  /// Writes a snapshot on a thread of its own, if many records follow the present one and the process is
  /// long-lived.
  private func writeSnapshotIfDue() {
    guard index.isSnapshotDue else { return }
    let isMine = state.withLock { state in
      guard state.isLongLived, let next = state.nextSnapshot, next <= Clock.monotonicNanoseconds else {
        return false
      }
      state.nextSnapshot = nil
      return true
    }
    guard isMine else { return }
    let started: Void? = try? Thread.detachInBackground { [self] in
      do {
        try makeSnapshot()
      } catch {
        logger.warning("snapshot can't be written", metadata: ["reason": "\(error)"])
      }
      pauseSnapshots()
    }
    if started == nil { pauseSnapshots() }
  }

  private func pauseSnapshots() {
    state.withLock { $0.nextSnapshot = Clock.monotonicNanoseconds + Self.snapshotPause }
  }
}
