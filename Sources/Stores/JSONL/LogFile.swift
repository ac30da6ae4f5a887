import Glibc
import POSIX

/// An open file that lines are appended to, and how much of it is known to be on the disk.
///
/// Callers append under the lock of the file's log, and wait for the disk without it. Writers that wait at
/// the same time share one fdatasync(2).
final class LogFile: Sendable {
  /// How long to wait for another thread's flush, if the request's deadline isn't earlier. Nanoseconds.
  static let timeout: UInt64 = 10_000_000_000
  /// The shortest time between two notes of the durable size. Nanoseconds.
  private static let notePeriod: UInt64 = 1_000_000_000

  private struct Progress {
    /// How many bytes callers want on the disk.
    var wanted = 0
    /// How many bytes are on the disk.
    var durable = 0
    /// Whether the file's name is on the disk. The process that made the file may have failed to flush its
    /// folder, or died.
    var isNameDurable = false
    var isFlushing = false
    var failure: SystemError?
    /// When the durable size was noted last, in ``Clock/monotonicNanoseconds``.
    private var noted: UInt64?

    mutating func isNoteDue(at now: UInt64) -> Bool {
      if let noted, now - noted < notePeriod { return false }
      noted = now
      return true
    }
  }

  private struct Flush {
    let size: Int
    let includesName: Bool
  }

  let identity: FileStatus.Identity
  let handle: FileHandle
  private let path: String
  private let timeout: UInt64
  private let flushData: @Sendable (FileHandle) throws(SystemError) -> Void
  private let progress = Monitor(Progress())

  /// - Parameters:
  ///   - handle: opened with ``FileHandle/Flags/append``.
  ///   - path: the file's path, to flush its folder.
  ///   - timeout: how long to wait for another thread's flush. Nanoseconds.
  ///   - flushData: waits until the file's data is on the disk.
  /// - Throws: ``SystemError``.
  init(
    _ handle: FileHandle, path: String, timeout: UInt64 = timeout,
    flushData: @escaping @Sendable (FileHandle) throws(SystemError) -> Void = {
      file throws(SystemError) in try file.synchronizeData()
    }
  ) throws(SystemError) {
    self.handle = handle
    self.path = path
    self.timeout = timeout
    self.flushData = flushData
    identity = try handle.status().identity
  }

  /// Whether a flush has failed. The kernel may then have dropped written data, and a later flush would still
  /// succeed. Nothing in this file may be relied on until it is replaced. fsync(2).
  var isSuspect: Bool { progress.withLock { $0.failure != nil } }

  /// Lowers the note of the durable size if the file is shorter: another program cut the file, and what is
  /// appended from now on isn't on the disk yet.
  /// - Throws: ``SystemError``.
  func forgetDurableSize(beyond size: Int) throws(SystemError) {
    guard let durable = LostWrite.durableSize(of: handle), durable > size else { return }
    LostWrite.noteDurableSize(size, of: handle)
    try handle.synchronize()
  }

  /// Whether the file is shorter than what was written or promised: another program cut it.
  func wasCut(to size: Int) -> Bool { progress.withLock { max($0.wanted, $0.durable) > size } }

  /// Whether the file ends with this process's last append, which was a whole record.
  func endsWithOurs(at size: Int) -> Bool { progress.withLock { $0.wanted == size } }

  /// Appends bytes, all of them or none.
  /// - Parameter size: the file's size under the lock. Bytes.
  /// - Returns: the file's size after the append. Bytes.
  /// - Throws: ``SystemError``. If the disk is full, what it took is cut off again.
  func append(_ bytes: [UInt8], size: Int) throws(SystemError) -> Int {
    let written: Int
    do throws(SystemError) {
      written = try handle.write(bytes, at: size)
    } catch {
      try? undoAppend(0, from: size)
      throw error
    }
    guard written == bytes.count else {
      // If this fails too, the next writer finds a torn record and sets it aside.
      try? undoAppend(written, from: size)
      throw SystemError(call: "write", code: ENOSPC)
    }
    let end = try handle.status().size
    if end == size + written { return end }
    // A program that doesn't take the lock appended too. Nothing was overwritten, but the offset of these
    // bytes is unknown: after a line without a newline, they would be part of that line. So they are appended
    // again, after a newline. A record may be in the file twice.
    return try append([UInt8(ascii: "\n")] + bytes, size: end)
  }

  /// Cuts off the last write, unless a program that doesn't take the lock has appended since.
  private func undoAppend(_ count: Int, from size: Int) throws(SystemError) {
    if try handle.status().size == size + count { try handle.truncate(to: size) }
  }

  /// Makes the next flush cover the first `size` bytes.
  func want(_ size: Int) {
    progress.withLock { $0.wanted = max($0.wanted, size) }
  }

  /// Waits until the first `size` bytes and the file's name are on the disk.
  /// - Throws: ``SystemError``. The file is suspect then, unless the code is ETIMEDOUT: another thread's
  ///   flush has taken longer than 10 s.
  func waitUntilDurable(_ size: Int) throws(SystemError) {
    want(size)
    let deadline = Deadline.within(timeout)
    while let flush = try next(size, until: deadline) {
      let failure = Self.failure { () throws(SystemError) in try flushData(handle) }
      let nameFailure =
        failure != nil || !flush.includesName
        ? nil : Self.failure { () throws(SystemError) in try Files.synchronizeFolder(of: path) }
      let isNoteDue = progress.withLock {
        $0.isFlushing = false
        $0.failure = failure
        if failure != nil { return false }
        $0.durable = flush.size
        if nameFailure != nil { return false }
        $0.isNameDurable = true
        return $0.isNoteDue(at: Clock.monotonicNanoseconds)
      }
      progress.wake()
      if isNoteDue { LostWrite.noteDurableSize(flush.size, of: handle) }
      // This failure isn't kept: the next caller flushes the folder again.
      if let nameFailure { throw nameFailure }
    }
  }

  /// The flush that this thread must do; nil if everything wanted is on the disk.
  private func next(_ size: Int, until deadline: UInt64) throws(SystemError) -> Flush? {
    let result = progress.wait(until: deadline) { progress -> Result<Flush?, SystemError>? in
      if let failure = progress.failure { return .failure(failure) }
      if progress.durable >= size && progress.isNameDurable { return .success(nil) }
      if progress.isFlushing { return nil }
      progress.isFlushing = true
      return .success(Flush(size: progress.wanted, includesName: !progress.isNameDurable))
    }
    return try (result ?? .failure(SystemError(call: "fdatasync", code: ETIMEDOUT))).get()
  }

  private static func failure(_ body: () throws(SystemError) -> Void) -> SystemError? {
    do throws(SystemError) {
      try body()
      return nil
    } catch {
      return error
    }
  }
}
