import Logging
import POSIX

/// Writes a snapshot of a log as it is now. The log isn't replaced.
struct SnapshotMaker {
  let path: String
  let log: AppendLog
  let logger: Logger
  let renew: (LogFile) throws -> Void

  /// Merges the present snapshot with the records that follow it.
  /// - Returns: false if another process is writing a snapshot.
  /// - Throws: ``StoreError``, ``SystemError``, ``RecordLine/Damaged``. The present snapshot stays then.
  func run() throws -> Bool {
    // Opening the log repairs its end, so its last record is whole.
    let end = try log.locked { try log.open(renew: renew) }
    let source = end.file.handle
    let final = SnapshotPath.of(end.file.identity, log: path)
    let draftPath = final + ".draft"
    guard let draft = try lockedDraft(draftPath) else { return false }
    defer { draft.unlock() }
    try draft.giveOwner(of: source)
    let former = RevocationSnapshot.of(source, path: path, logger: logger)
    do {
      try write(former, end, to: draft)
    } catch is RevocationSnapshot.Damaged {
      logger.error("snapshot is damaged; rebuilding it from the log", metadata: ["file": "\(final)"])
      try write(nil, end, to: draft)
    }
    try Files.rename(draftPath, to: final)
    try Files.synchronizeFolder(of: path)
    // Another process may have compacted the log meanwhile.
    if try FileStatus.ofFile(at: path)?.identity != end.file.identity { try Files.remove(final) }
    return true
  }

  private func write(_ former: RevocationSnapshot?, _ end: LogEnd, to draft: FileHandle) throws {
    try draft.truncate(to: 0)
    let source = end.file.handle
    let tokens = ExternalSort(beside: path)
    var lines = ForwardLines(source, path: path, in: (former?.covered ?? 0)..<end.offset)
    while let (line, _) = try lines.next() {
      try tokens.add(SortEntry(key: try RevocationLine.hash(line), value: 0))
    }
    // The log is flushed first, so that a snapshot never holds a record that the log may lose.
    try log.waitUntilDurable(end, renew: renew)
    try SnapshotWriter.write(
      try tokens.merged(with: former.map { [$0.entries()] } ?? []),
      SnapshotHeader(
        log: try FileCursor(source, offset: end.offset), dated: former?.header.dated ?? 0,
        ancestors: former?.header.ancestors ?? []), to: draft)
  }

  /// Opens and locks the draft. Nil if another process is writing it. The kernel releases the lock when that
  /// process ends.
  private func lockedDraft(_ path: String) throws -> FileHandle? {
    let draft = try FileHandle(path: path, flags: .create)
    // The process that held the lock may have renamed the draft.
    guard try draft.tryLock(), try FileStatus.ofFile(at: path)?.identity == draft.status().identity else {
      return nil
    }
    return draft
  }
}
