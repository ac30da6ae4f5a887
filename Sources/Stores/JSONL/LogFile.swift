import Glibc
import POSIX

/// An open file that lines are appended to, and what of it is known to be on the disk.
///
/// Appending is done under the lock of the log that the file belongs to; waiting for the disk is not, so that
/// writers who wait at the same time share one `fdatasync(2)`.
final class LogFile: Sendable {
  private struct Progress {
    /// Bytes from the beginning that somebody waits for, and that are on the disk.
    var wanted = 0
    var durable = 0
    var isFlushing = false
    var failure: SystemError?
  }

  private enum Step {
    case done
    case flush(upTo: Int)
  }

  let identity: FileStatus.Identity
  let handle: FileHandle
  private let progress = Monitor(Progress())

  init(_ handle: FileHandle) throws(SystemError) {
    self.handle = handle
    identity = try handle.status().identity
  }

  /// Whether the disk once failed to take what was written. The kernel may have dropped it since, and would
  /// not say so again: nothing in this file may be relied on until it is replaced.
  var isSuspect: Bool { progress.withLock { $0.failure != nil } }

  /// Whether somebody was promised more of the file than there is: it was cut since.
  func wasCut(to size: Int) -> Bool { progress.withLock { max($0.wanted, $0.durable) > size } }

  /// Whether the file ends with what was last appended here, which was whole.
  func endsWithOurs(at size: Int) -> Bool { progress.withLock { $0.wanted == size } }

  /// Writes at the end, all or nothing.
  /// - Parameter size: the file's, as it is under the lock.
  /// - Throws: ``SystemError``; what a full disk took is cut off again.
  func append(_ bytes: [UInt8], size: Int) throws(SystemError) {
    let written: Int
    do throws(SystemError) {
      written = try handle.write(bytes, at: size)
    } catch {
      try? handle.truncate(to: size)
      throw error
    }
    guard written == bytes.count else {
      // Should this fail too, the next writer finds a torn record and sets it aside.
      try? handle.truncate(to: size)
      throw SystemError(call: "write", code: ENOSPC)
    }
  }

  /// Has whoever flushes the file next do so up to `size`.
  func want(_ size: Int) {
    progress.withLock { $0.wanted = max($0.wanted, size) }
  }

  /// Waits until the first `size` bytes are on the disk.
  /// - Throws: ``SystemError``; the file is suspect then.
  func waitUntilDurable(_ size: Int) throws(SystemError) {
    want(size)
    while true {
      let step = try next(size)
      guard case .flush(let target) = step else { return }
      let failure = flush()
      progress.withLock { progress in
        progress.isFlushing = false
        if let failure { progress.failure = failure } else { progress.durable = target }
      }
      progress.wake()
    }
  }

  private func next(_ size: Int) throws(SystemError) -> Step {
    let result = progress.wait { progress -> Result<Step, SystemError>? in
      if let failure = progress.failure { return .failure(failure) }
      if progress.durable >= size { return .success(.done) }
      if progress.isFlushing { return nil }
      progress.isFlushing = true
      return .success(.flush(upTo: progress.wanted))
    }
    return try result.get()
  }

  private func flush() -> SystemError? {
    do throws(SystemError) {
      try handle.synchronizeData()
      return nil
    } catch {
      return error
    }
  }
}
