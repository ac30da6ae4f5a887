import Logging
import POSIX

/// A file of JSON lines that any number of processes append to.
///
/// Under the lock: look whether the file is still the one of that name, mend its end, append. Then, without
/// the lock, wait for the disk. What is answered is on the disk; what isn't was never promised.
final class AppendLog: @unchecked Sendable {
  let path: String
  private let lock: FileLock
  private let clock: Clock
  private let logger: Logger

  /// Guarded by the lock.
  private var file: LogFile?

  init(path: String, clock: Clock, logger: Logger) {
    self.path = path
    self.clock = clock
    self.logger = logger
    lock = FileLock(path: path + ".lock")
  }

  /// Runs a body under the lock.
  /// - Throws: ``StoreError``.
  func locked<Value>(_ body: () throws -> Value) throws -> Value {
    try StoreError.translating(path) { try lock.withLock(body) }
  }

  /// Waits until what was appended is on the disk; without the lock.
  /// - Parameter renew: as for ``open(renew:)``.
  /// - Throws: ``StoreError``.
  func waitUntilDurable(_ end: LogEnd, renew: (LogFile) throws -> Void) throws {
    do throws(SystemError) {
      try end.file.waitUntilDurable(end.offset)
    } catch {
      // At once, as no other process is told of the failure.
      _ = try? locked { try open(renew: renew) }
      throw StoreError("\(path): \(error)")
    }
  }

  // MARK: - Under the lock

  /// The file of that name as it is now, made where there is none, its last record whole.
  /// - Parameter renew: gives a file whose disk failed a successor of the same name, with all that must be
  ///   kept; the file is opened again after.
  func open(renew: (LogFile) throws -> Void) throws -> LogEnd {
    let (current, size, isNew) = try currentFile()
    // A mark left by a process that could not renew it.
    if try current.isSuspect || (isNew && FileStatus.ofFile(at: mark) != nil) {
      _ = try? FileHandle(path: mark, flags: .create)
      try renew(current)
      try Files.remove(mark)
      file = nil
      return try open(renew: renew)
    }
    let end = try mend(current, size: size)
    if current.wasCut(to: end) {
      // What is on the disk is counted from the beginning again.
      file = nil
      return try open(renew: renew)
    }
    return LogEnd(file: current, offset: end)
  }

  private var mark: String { path + ".suspect" }

  /// Appends lines at the end.
  /// - Returns: the end behind them, to wait for.
  func append(_ lines: [UInt8], at end: LogEnd) throws -> LogEnd {
    try end.file.append(lines, size: end.offset)
    end.file.want(end.offset + lines.count)
    return LogEnd(file: end.file, offset: end.offset + lines.count)
  }

  private func currentFile() throws -> (LogFile, size: Int, isNew: Bool) {
    let status = try FileStatus.ofFile(at: path)
    if let status, let file, file.identity == status.identity { return (file, status.size, false) }
    if status == nil {
      if file != nil { logger.warning("file is gone; a new one begins", metadata: ["file": "\(path)"]) }
      _ = try FileHandle(path: path, flags: .create)
      try Files.synchronizeFolder(of: path)
    }
    guard let handle = try SharedFiles.open(path, flags: .readWrite) else {
      throw StoreError("\(path): vanished")
    }
    let opened = try LogFile(handle)
    file = opened
    return (opened, try handle.status().size, true)
  }

  /// Sets aside what a crash or a full disk left of a record, so that the next one isn't glued to it. A whole
  /// record that only lacks its newline is given one.
  /// - Returns: the file's size after.
  private func mend(_ file: LogFile, size: Int) throws -> Int {
    guard size > 0, !file.endsWithOurs(at: size),
      try file.handle.read(count: 1, at: size - 1) != [UInt8(ascii: "\n")]
    else {
      return size
    }
    let start = try BackwardLines.endOfLastLine(of: file.handle, size: size)
    let torn = try file.handle.read(count: size - start, at: start)
    if (try? RecordLine.object(torn[...])) != nil {
      try file.append([UInt8(ascii: "\n")], size: size)
      return size + 1
    }
    let aside = "\(path).torn-\(clock.seconds)"
    do {
      _ = try Files.createWhole(aside, torn)
      logger.error("torn record set aside", metadata: ["file": "\(path)", "aside": "\(aside)"])
    } catch {
      logger.error("torn record removed", metadata: ["file": "\(path)", "reason": "\(error)"])
    }
    try file.handle.truncate(to: start)
    return start
  }
}

/// A place in a log: all before it is to be on the disk.
struct LogEnd {
  let file: LogFile
  /// Bytes from the beginning.
  let offset: Int
}
