import Glibc
import POSIX

/// Waiting until what was written to an open file is on the disk. Threads that wait at the same time share one
/// fdatasync(2).
///
/// Callers number what they write, under the lock of the file: a log by its size, other files by a ticket. A
/// flush covers every number that was wanted when it began.
final class SharedFlush: Sendable {
  /// How long to wait for another thread's flush, if the request's deadline isn't earlier. Nanoseconds.
  static let timeout: UInt64 = 10_000_000_000

  /// Waits until a file's data is on the disk. Tests bring their own.
  typealias FlushData = @Sendable (FileHandle) throws(SystemError) -> Void
  static let flushData: FlushData = { file throws(SystemError) in try file.synchronizeData() }

  private struct Progress {
    /// The highest number that callers want on the disk.
    var wanted = 0
    /// The highest number that is on the disk.
    var durable = 0
    /// Whether the file's name is on the disk. The process that made the file may have failed to flush its
    /// folder, or died.
    var isNameDurable = false
    var isFlushing = false
    var failure: SystemError?
  }

  private struct Flush {
    let number: Int
    let includesName: Bool
  }

  private let handle: FileHandle
  private let path: String
  private let timeout: UInt64
  private let flushData: FlushData
  private let progress = Monitor(Progress())

  /// - Parameters:
  ///   - path: the file's path, to flush its folder.
  ///   - timeout: how long to wait for another thread's flush. Nanoseconds.
  ///   - flushData: waits until the file's data is on the disk.
  init(
    _ handle: FileHandle, path: String, timeout: UInt64 = timeout,
    flushData: @escaping FlushData = flushData
  ) {
    self.handle = handle
    self.path = path
    self.timeout = timeout
    self.flushData = flushData
  }

  /// Whether a flush has failed. The kernel may then have dropped written data, and a later flush would still
  /// succeed. Nothing in this file may be relied on until it is replaced. fsync(2).
  var isSuspect: Bool { progress.withLock { $0.failure != nil } }

  /// The highest number that callers want on the disk.
  var wanted: Int { progress.withLock { $0.wanted } }

  /// The highest number that callers want, or that is on the disk.
  var highest: Int { progress.withLock { max($0.wanted, $0.durable) } }

  /// Makes the next flush cover a number.
  func want(_ number: Int) {
    progress.withLock { $0.wanted = max($0.wanted, number) }
  }

  /// A number for what was just written, or for what another process may have written before. Call this under
  /// the file's lock.
  func ticket() -> Int {
    progress.withLock {
      $0.wanted += 1
      return $0.wanted
    }
  }

  /// Waits until everything up to a number, and the file's name, are on the disk.
  /// - Parameter didFlush: called after each flush of this thread with the number that is on the disk now.
  /// - Throws: ``SystemError``. The file is suspect then, unless the code is ETIMEDOUT: another thread's
  ///   flush has taken longer than 10 s.
  func wait(for number: Int, didFlush: (Int) -> Void = { _ in }) throws(SystemError) {
    want(number)
    let deadline = Deadline.within(timeout)
    while let flush = try next(number, until: deadline) {
      let failure = Self.failure { () throws(SystemError) in try flushData(handle) }
      let nameFailure =
        failure != nil || !flush.includesName
        ? nil : Self.failure { () throws(SystemError) in try Files.synchronizeFolder(of: path) }
      progress.withLock {
        $0.isFlushing = false
        $0.failure = failure
        if failure != nil { return }
        $0.durable = flush.number
        if nameFailure == nil { $0.isNameDurable = true }
      }
      progress.wake()
      if failure == nil && nameFailure == nil { didFlush(flush.number) }
      // This failure isn't kept: the next caller flushes the folder again.
      if let nameFailure { throw nameFailure }
    }
  }

  /// The flush that this thread must do; nil if everything wanted is on the disk.
  private func next(_ number: Int, until deadline: UInt64) throws(SystemError) -> Flush? {
    let result = progress.wait(until: deadline) { progress -> Result<Flush?, SystemError>? in
      if let failure = progress.failure { return .failure(failure) }
      if progress.durable >= number && progress.isNameDurable { return .success(nil) }
      if progress.isFlushing { return nil }
      progress.isFlushing = true
      return .success(Flush(number: progress.wanted, includesName: !progress.isNameDurable))
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
