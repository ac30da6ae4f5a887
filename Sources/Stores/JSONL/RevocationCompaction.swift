import Logging
import POSIX

/// Writes a log of revocations anew without those of expired tokens, and writes its snapshot. Memory is
/// bounded, and others can read and append meanwhile.
struct RevocationCompaction {
  /// How late the clock of a host that validates tokens may be. Seconds.
  static let margin = 60.0
  /// The longest lifetime that a token can have, whatever the settings were when it was issued. Seconds: 100
  /// years.
  static let longestLifetime = 3_153_600_000.0
  /// How much may be copied under the lock. Bytes.
  private static let lockedSize = 1 << 20
  /// How often the copy is brought up to date before the rest, however large, is copied under the lock.
  private static let rounds = 8

  let path: String
  let log: AppendLog
  let clock: Clock
  let logger: Logger
  let renew: (LogFile) throws -> Void

  /// Compacts the log. Call this under the lock of the compaction.
  /// - Parameters:
  ///   - mints: the mint audit, which tells when tokens expire if their records don't; nil if there is none.
  ///   - force: trusts the clock, however far it is ahead of the records.
  /// - Returns: how many revocations were kept and dropped.
  /// - Throws: ``StoreError``, ``SystemError``, ``RecordLine/Damaged``. The log is unchanged then.
  func run(mints: (any MintAuditStore)?, force: Bool) throws -> (kept: Int, dropped: Int) {
    guard try FileStatus.ofFile(at: path) != nil else { return (0, 0) }
    // Opening the log repairs its end, so its last record is whole.
    let end = try log.locked { try log.open(renew: renew) }
    let source = end.file.handle
    let newest = try NewestRecord.time(log: source, before: end.offset, mints: mints)
    let now = try RecordTime.now(clock, newest: newest, force: force)
    let former = RevocationSnapshot.of(source, path: path, logger: logger)
    let undated = min(former?.header.dated ?? 0, end.offset)..<end.offset
    var copy = RevocationCopy(
      path: path, draft: try LogDraft(path: path + ".compact", like: source), source: source, now: now)
    do {
      if let mints {
        copy.expiries = try RevocationDating(path: path, mints: mints).expiries(source, in: undated)
      }
      try write(&copy, end, former)
    } catch {
      copy.draft.discard()
      throw error
    }
    try SnapshotPath.removeOthers(than: copy.draft.handle.status().identity, log: path)
    return copy.counts
  }

  private func write(_ copy: inout RevocationCopy, _ end: LogEnd, _ former: RevocationSnapshot?) throws {
    let tokens = ExternalSort(beside: path)
    try copy.advance(to: end.offset) { try tokens.add(SortEntry(key: $0, value: 0)) }
    let draft = copy.draft
    try draft.synchronize()
    let snapshot = SnapshotPath.of(try draft.handle.status().identity, log: path)
    do {
      try Files.remove(snapshot)
      let file = try FileHandle(path: snapshot, flags: .createNew)
      try file.giveOwner(of: draft.handle)
      let place = try FileCursor(end.file.handle, offset: end.offset)
      try SnapshotWriter.write(
        try tokens.merged(),
        SnapshotHeader(
          log: try FileCursor(draft.handle, offset: draft.size), dated: draft.size,
          ancestors: [place] + (former?.header.ancestors ?? [])), to: file)
      try finish(&copy, of: end.file)
    } catch {
      try? Files.remove(snapshot)
      throw error
    }
  }

  /// Copies what was appended meanwhile, the last part of it under the lock, and gives the copy the log's
  /// name.
  private func finish(_ copy: inout RevocationCopy, of file: LogFile) throws {
    for round in 1... {
      let isDone = try log.locked {
        let end = try log.open(renew: renew)
        guard end.file.identity == file.identity else {
          throw StoreError("\(path): another process replaced the file meanwhile; try again")
        }
        let isSmall = end.offset - copy.copied <= Self.lockedSize || round == Self.rounds
        if isSmall {
          try copy.advance(to: end.offset)
          try copy.draft.replace(end.file, of: log)
        }
        return isSmall
      }
      if isDone { return }
      try copy.advance(
        to: try BackwardLines.endOfLastLine(of: copy.source, size: try copy.source.status().size))
      try copy.draft.synchronize()
    }
  }
}
