import Glibc
import POSIX

/// An open file that lines are appended to, and what of it is known to be on the disk.
///
/// Appending is done under the lock of the log that the file belongs to; waiting for the disk is not, so that
/// writers who wait at the same time share one `fdatasync(2)`.
final class LogFile: Sendable {
  /// How long to wait for another thread's flush, if the request's deadline isn't earlier. Nanoseconds.
  static let timeout: UInt64 = 10_000_000_000
  /// How often the size that is on the disk is noted. Nanoseconds.
  private static let notePeriod: UInt64 = 1_000_000_000

  private struct Progress {
    /// Bytes from the beginning that somebody waits for, and that are on the disk.
    var wanted = 0
    var durable = 0
    /// Whether the file's name, too, is on the disk: whoever made the file may have failed to see to that, or died.
    var isNameDurable = false
    var isFlushing = false
    var failure: SystemError?
    /// When the durable size was noted last, as ``Clock/monotonicNanoseconds`` tells time.
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
  ///   - timeout: how long to wait for another thread's flush. Nanoseconds.
  ///   - flushData: waits until the file's data is on the disk.
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

  /// Whether the disk once failed to take what was written. The kernel may have dropped it since, and would
  /// not say so again: nothing in this file may be relied on until it is replaced.
  var isSuspect: Bool { progress.withLock { $0.failure != nil } }

  /// Takes back the note of how many bytes are on the disk where there are fewer: the file was cut by somebody else, and
  /// what is appended from now on isn't on the disk yet.
  func forgetDurableSize(beyond size: Int) throws(SystemError) {
    guard let durable = LostWrite.durableSize(of: handle), durable > size else { return }
    LostWrite.noteDurableSize(size, of: handle)
    try handle.synchronize()
  }

  /// Whether somebody was promised more of the file than there is: it was cut since.
  func wasCut(to size: Int) -> Bool { progress.withLock { max($0.wanted, $0.durable) > size } }

  /// Whether the file ends with what was last appended here, which was whole.
  func endsWithOurs(at size: Int) -> Bool { progress.withLock { $0.wanted == size } }

  /// Writes at the end, all or nothing.
  /// - Parameter size: the file's, as it is under the lock.
  /// - Returns: the file's size after.
  /// - Throws: ``SystemError``; what a full disk took is cut off again.
  func append(_ bytes: [UInt8], size: Int) throws(SystemError) -> Int {
    let written: Int
    do throws(SystemError) {
      written = try handle.write(bytes, at: size)
    } catch {
      try? takeBack(0, from: size)
      throw error
    }
    guard written == bytes.count else {
      // Should this fail too, the next writer finds a torn record and sets it aside.
      try? takeBack(written, from: size)
      throw SystemError(call: "write", code: ENOSPC)
    }
    let end = try handle.status().size
    if end == size + written { return end }
    // Somebody who doesn't take the lock appended too. Nothing was overwritten, but where these bytes stand is
    // unknown: behind a line without a newline they would be part of it. A record may stand in the file twice.
    return try append([UInt8(ascii: "\n")] + bytes, size: end)
  }

  /// Cuts off what was written last, unless somebody who doesn't take the lock has appended since.
  private func takeBack(_ count: Int, from size: Int) throws(SystemError) {
    if try handle.status().size == size + count { try handle.truncate(to: size) }
  }

  /// Has whoever flushes the file next do so up to `size`.
  func want(_ size: Int) {
    progress.withLock { $0.wanted = max($0.wanted, size) }
  }

  /// Waits until the first `size` bytes, and the file's name, are on the disk.
  /// - Throws: ``SystemError``; the file is suspect then. With ETIMEDOUT it isn't, but another thread's flush has
  ///   taken longer than 10 s.
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
      // Not kept as the data's is: whoever is next tries again.
      if let nameFailure { throw nameFailure }
    }
  }

  /// The flush that is up to this thread; nil where none is needed any more.
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
