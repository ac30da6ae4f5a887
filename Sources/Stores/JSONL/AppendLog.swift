// JSONL: the stores in files that all processes of a host share: JSON lines, and sectors for sessions.
// docs/shared-files.md explains the design. Where to look:
//
// - Any file: FileLock, SharedFiles, SpaceReserve, BufferedWriter; lines in LineReader, ForwardLines,
//   BackwardLines; records and checksums in RecordLine and CRC32C.
// - Waiting for the disk: SharedFlush.
// - Appending: AppendLog (lock, repair, append), LogFile, LostWrite (which lines are torn),
//   TornTail (repairs them), AppendedLines (follows a file), LogDraft (replaces one), FileCursor.
// - Challenges: JSONLChallengeStore, and the files that begin with Challenge.
// - The mint audit: JSONLMintAuditStore, and the files that begin with Mint.
// - Revocations: JSONLRevocationStore, and the files that begin with Revocation, Snapshot and Known;
//   ExternalSort and MergedEntries; the clock in RecordTime and NewestRecord.
// - Sessions: FileSessionStore, SessionFiles (lock, open, replace), SessionFile and SessionSlot, SubjectTable,
//   Sector; SessionPosition (identifiers), SessionChain and SessionListing, SessionRelinking (after a reboot), SubjectTableNote.
// - `store verify` and `--repair`: StoreFile, StoreRepair, Salvage, JSONExtent; SessionCheck and
//   SessionRepair.

import Glibc
import Logging
import POSIX

/// A file of JSON lines that any number of processes append to.
///
/// A writer takes the lock, checks that the file still has its name, repairs the file's end, and appends. It
/// then releases the lock and waits for the disk. What a caller answers after that is durable.
///
/// The log locks two files: `<path>.lock`, and the data file itself. Another program can remove the lock
/// file, and then two processes hold different files of that name. The lock on the data file keeps the second
/// one out. A process that gets that lock checks again that the data file still has its name.
final class AppendLog: @unchecked Sendable {
  let path: String
  private let lock: FileLock
  private let logger: Logger
  private let tail: TornTail

  // Guarded by the lock.
  private var file: LogFile?
  /// The data file whose lock is held.
  private var held: LogFile?
  /// When to stop waiting for the lock of the data file, in ``Clock/monotonicNanoseconds``.
  private var deadline: UInt64 = 0

  init(path: String, clock: Clock, logger: Logger) {
    self.path = path
    self.logger = logger
    lock = FileLock(path: path + ".lock")
    tail = TornTail(path: path, clock: clock, logger: logger)
  }

  /// Runs a body under the lock.
  /// - Throws: ``StoreError`` if the lock isn't free within 5 s, or if a system call fails or a record is
  ///   damaged; otherwise what the body throws.
  func locked<Value>(_ body: () throws -> Value) throws -> Value {
    try StoreError.translating(path) {
      try lock.withLockAndDeadline { deadline in
        self.deadline = deadline
        defer { release() }
        return try body()
      }
    }
  }

  /// Waits, without the lock, until everything before a place is on the disk.
  /// - Parameter renew: as for ``open(renew:)``.
  /// - Throws: ``StoreError``.
  func waitUntilDurable(_ end: LogEnd, renew: (LogFile) throws -> Void) throws {
    do throws(SystemError) {
      try end.file.waitUntilDurable(end.offset)
    } catch {
      // Immediately, because no other process learns of the failure.
      if end.file.isSuspect { _ = try? locked { try open(renew: renew) } }
      throw StoreError(
        "\(error.at(path))\(error.code == ETIMEDOUT ? "; the disk takes longer than 10 s" : "")")
    }
  }

  // MARK: - Under the lock

  /// Opens the file that has the name now. Makes it if there is none, and repairs its end.
  /// - Parameter renew: replaces a file that the disk failed to take by a new one of the same name, with
  ///   every record that must be kept. The file is then opened again.
  /// - Returns: the end of the file.
  /// - Throws: ``StoreError``, ``SystemError``, and what `renew` throws.
  func open(renew: (LogFile) throws -> Void) throws -> LogEnd {
    let (current, size) = try currentFile()
    let isNew = current !== file
    file = nil
    // The mark is there if an earlier process failed to renew the file.
    if try current.isSuspect || (isNew && FileStatus.ofFile(at: mark) != nil) {
      _ = try? FileHandle(path: mark, flags: .create)
      try renew(current)
      try Files.remove(mark)
      return try open(renew: renew)
    }
    var end = size
    if isNew {
      try current.forgetDurableSize(beyond: size)
      end = try tail.recover(current, size: size)
    } else if !current.endsWithOurs(at: size) {
      end = try tail.recoverEnd(current, size: size)
    }
    // The file is shorter than what this process wrote, so what is durable must be counted from the beginning
    // again.
    if current.wasCut(to: end) { return try open(renew: renew) }
    file = current
    return LogEnd(file: current, offset: end)
  }

  private var mark: String { path + ".suspect" }

  /// Appends lines. Call this under the lock, after ``open(renew:)``.
  /// - Returns: the new end, for ``waitUntilDurable(_:renew:)``.
  /// - Throws: ``SystemError``.
  func append(_ lines: [UInt8], at end: LogEnd) throws -> LogEnd {
    let size = try end.file.append(lines, size: end.offset)
    end.file.want(size)
    return LogEnd(file: end.file, offset: size)
  }

  /// Gives a draft the log's name. The draft must be on the disk, and `current` is the file that
  /// ``open(renew:)`` or ``current()`` returned.
  /// - Throws: ``StoreError`` if another process may be replacing the file too; ``SystemError``.
  func replace(_ current: LogFile, by draft: FileHandle, at draftPath: String) throws {
    guard lock.isCurrent(), held === current,
      try FileStatus.ofFile(at: path)?.identity == current.identity,
      try FileStatus.ofFile(at: draftPath)?.identity == draft.status().identity
    else {
      throw StoreError("\(path): another process replaced the file or removed its lock meanwhile; try again")
    }
    try Files.rename(draftPath, to: path)
    try Files.synchronizeFolder(of: path)
    LostWrite.noteDurableSize(try draft.status().size, of: draft)
  }

  /// The file that has the name now, locked. Its end isn't repaired.
  /// - Throws: ``StoreError``, ``SystemError``.
  func current() throws -> LogFile {
    try currentFile().0
  }

  /// The file that has the name now, locked, and its size in bytes.
  private func currentFile() throws -> (LogFile, size: Int) {
    var isGone = false
    while true {
      guard let status = try FileStatus.ofFile(at: path) else {
        if file != nil && !isGone {
          logger.warning("file is gone; pico-auth begins a new one", metadata: ["file": "\(path)"])
        }
        isGone = true
        _ = try FileHandle(path: path, flags: .create)
        continue
      }
      let current: LogFile
      if let file, file.identity == status.identity {
        current = file
      } else if let handle = try SharedFiles.open(path, flags: .append) {
        current = try LogFile(handle, path: path)
      } else {
        continue
      }
      try hold(current)
      // The process that held its lock may have renamed it and made another.
      if let now = try FileStatus.ofFile(at: path), now.identity == current.identity {
        return (current, now.size)
      }
    }
  }

  private func hold(_ current: LogFile) throws {
    if held === current { return }
    release()
    try FileLock.wait(for: current.handle, path: path, until: deadline)
    held = current
  }

  private func release() {
    held?.handle.unlock()
    held = nil
  }
}

/// A place in a log. Callers wait until everything before it is on the disk.
struct LogEnd {
  let file: LogFile
  /// Bytes from the beginning.
  let offset: Int
}
