import Glibc
import POSIX
import Synchronization

/// An open file that lines are appended to, and how much of it is known to be on the disk.
///
/// Callers append under the lock of the file's log, and wait for the disk without it, in a ``SharedFlush``
/// that counts bytes.
final class LogFile: Sendable {
  /// The shortest time between two notes of the durable size. Nanoseconds.
  private static let notePeriod: UInt64 = 1_000_000_000

  let identity: FileStatus.Identity
  let handle: FileHandle
  private let flush: SharedFlush
  /// The earliest time for the next note of the durable size, in ``Clock/monotonicNanoseconds``.
  private let nextNote = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - handle: opened with ``FileHandle/Flags/append``.
  ///   - path: the file's path, to flush its folder.
  ///   - timeout: how long to wait for another thread's flush. Nanoseconds.
  ///   - flushData: waits until the file's data is on the disk.
  /// - Throws: ``SystemError``.
  init(
    _ handle: FileHandle, path: String, timeout: UInt64 = SharedFlush.timeout,
    flushData: @escaping SharedFlush.FlushData = SharedFlush.flushData
  ) throws(SystemError) {
    self.handle = handle
    flush = SharedFlush(handle, path: path, timeout: timeout, flushData: flushData)
    identity = try handle.status().identity
  }

  /// See ``SharedFlush/isSuspect``.
  var isSuspect: Bool { flush.isSuspect }

  /// Lowers the note of the durable size if the file is shorter: another program cut the file, and what is
  /// appended from now on isn't on the disk yet.
  /// - Throws: ``SystemError``.
  func forgetDurableSize(beyond size: Int) throws(SystemError) {
    guard let durable = LostWrite.durableSize(of: handle), durable > size else { return }
    LostWrite.noteDurableSize(size, of: handle)
    try handle.synchronize()
  }

  /// Whether the file is shorter than what was written or promised: another program cut it.
  func wasCut(to size: Int) -> Bool { flush.highest > size }

  /// Whether the file ends with this process's last append, which was a whole record.
  func endsWithOurs(at size: Int) -> Bool { flush.wanted == size }

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
  func want(_ size: Int) { flush.want(size) }

  /// Waits until the first `size` bytes and the file's name are on the disk.
  /// - Throws: as ``SharedFlush/wait(for:didFlush:)`` does.
  func waitUntilDurable(_ size: Int) throws(SystemError) {
    try flush.wait(for: size) { size in
      let (now, due) = (Clock.monotonicNanoseconds, nextNote.load(ordering: .relaxed))
      guard now >= due,
        nextNote.compareExchange(expected: due, desired: now + Self.notePeriod, ordering: .relaxed).exchanged
      else { return }
      LostWrite.noteDurableSize(size, of: handle)
    }
  }
}
