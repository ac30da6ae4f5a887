import Glibc
import Logging
import POSIX

/// A file of JSON lines that any number of processes append to.
///
/// Under the lock: look whether the file is still the one of that name, recover its end, append. Then, without
/// the lock, wait for the disk. What is answered is on the disk; what isn't was never promised.
///
/// Two files are locked, `<path>.lock` and the one of that name, which can't be removed without its data. Of two
/// processes that hold different files of the name `<path>.lock`, as one of them was removed, the data's lock keeps out
/// the second; and whoever got it looks again whether the data is still that of the name.
final class AppendLog: @unchecked Sendable {
  let path: String
  private let lock: FileLock
  private let logger: Logger
  private let tail: TornTail

  // Guarded by the lock.
  private var file: LogFile?
  /// The file whose own lock is held.
  private var held: LogFile?
  /// Until when to wait for it.
  private var deadline: UInt64 = 0

  init(path: String, clock: Clock, logger: Logger) {
    self.path = path
    self.logger = logger
    lock = FileLock(path: path + ".lock")
    tail = TornTail(path: path, clock: clock, logger: logger)
  }

  /// Runs a body under the lock.
  /// - Throws: ``StoreError``.
  func locked<Value>(_ body: () throws -> Value) throws -> Value {
    try StoreError.translating(path) {
      try lock.withLockAndDeadline { deadline in
        self.deadline = deadline
        defer { release() }
        return try body()
      }
    }
  }

  /// Waits until what was appended is on the disk; without the lock.
  /// - Parameter renew: as for ``open(renew:)``.
  /// - Throws: ``StoreError``.
  func waitUntilDurable(_ end: LogEnd, renew: (LogFile) throws -> Void) throws {
    do throws(SystemError) {
      try end.file.waitUntilDurable(end.offset)
    } catch {
      // At once, as no other process is told of the failure.
      if end.file.isSuspect { _ = try? locked { try open(renew: renew) } }
      throw StoreError(
        "\(error.at(path))\(error.code == ETIMEDOUT ? "; the disk takes longer than 10 s" : "")")
    }
  }

  // MARK: - Under the lock

  /// The file of that name as it is now, made where there is none, its last record whole.
  /// - Parameter renew: gives a file whose disk failed a successor of the same name, with all that must be
  ///   kept; the file is opened again after.
  func open(renew: (LogFile) throws -> Void) throws -> LogEnd {
    let (current, size) = try currentFile()
    let isNew = current !== file
    file = nil
    // A mark left by a process that could not renew it.
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
    // What is on the disk is counted from the beginning again.
    if current.wasCut(to: end) { return try open(renew: renew) }
    file = current
    return LogEnd(file: current, offset: end)
  }

  private var mark: String { path + ".suspect" }

  /// Appends lines at the end.
  /// - Returns: the end behind them, to wait for.
  func append(_ lines: [UInt8], at end: LogEnd) throws -> LogEnd {
    let size = try end.file.append(lines, size: end.offset)
    end.file.want(size)
    return LogEnd(file: end.file, offset: size)
  }

  /// Puts a draft, which is on the disk, in the place of the file that ``open(renew:)`` gave.
  /// - Throws: ``StoreError`` where another process could be doing so too; ``SystemError``.
  func replace(_ current: LogFile, by draft: FileHandle, at draftPath: String) throws {
    guard lock.isCurrent(), held === current,
      try FileStatus.ofFile(at: path)?.identity == current.identity,
      try FileStatus.ofFile(at: draftPath)?.identity == draft.status().identity
    else {
      throw StoreError("\(path): replaced, or its lock removed, by another process meanwhile; try again")
    }
    try Files.rename(draftPath, to: path)
    try Files.synchronizeFolder(of: path)
    LostWrite.noteDurableSize(try draft.status().size, of: draft)
  }

  /// The file of that name, locked, whatever state its end is in.
  func current() throws -> LogFile {
    try currentFile().0
  }

  /// The file of that name, locked, and its size.
  private func currentFile() throws -> (LogFile, size: Int) {
    var isGone = false
    while true {
      guard let status = try FileStatus.ofFile(at: path) else {
        if file != nil && !isGone {
          logger.warning("file is gone; a new one begins", metadata: ["file": "\(path)"])
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
      // It may have been renamed, and another made, by somebody who had its lock.
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

/// A place in a log: all before it is to be on the disk.
struct LogEnd {
  let file: LogFile
  /// Bytes from the beginning.
  let offset: Int
}
