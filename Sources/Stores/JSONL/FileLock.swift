import Glibc
import POSIX

/// A lock that keeps out other threads and other processes: a mutex around `flock(2)` on a file of its
/// own, which is never renamed.
///
/// `flock` belongs to the open file, which threads share: hence the mutex. The wait for both together is
/// bounded.
///
/// Somebody may remove the file while it is locked; the next to come makes another and locks that. So whoever must
/// not lose what another process writes meanwhile also locks the data, as ``AppendLog`` does.
final class FileLock: @unchecked Sendable {
  /// How long to wait before giving up, if the request's deadline isn't earlier. Nanoseconds.
  static let timeout: UInt64 = 5_000_000_000

  private let path: String
  private let mutex = TimedMutex()
  /// Guarded by the mutex.
  private var file: (handle: FileHandle, identity: FileStatus.Identity)?

  init(path: String) {
    self.path = path
  }

  /// Runs a body that nobody else who takes this lock runs meanwhile.
  /// - Throws: ``StoreError`` where the lock can't be had within 5 s, and what the body throws.
  func withLock<Value>(_ body: () throws -> Value) throws -> Value {
    try withLockAndDeadline { _ in try body() }
  }

  /// As ``withLock(_:)``; the body is told until when it may wait for further locks, as
  /// ``Clock/monotonicNanoseconds`` tells time.
  func withLockAndDeadline<Value>(_ body: (_ deadline: UInt64) throws -> Value) throws -> Value {
    let deadline = Deadline.within(Self.timeout)
    guard mutex.lock(until: deadline) else { throw Self.busy(path) }
    defer { mutex.unlock() }
    let handle = try lockFile(until: deadline)
    defer { handle.unlock() }
    return try body(deadline)
  }

  /// Whether the file that is locked still has its name. For the body of ``withLock(_:)``.
  func isCurrent() -> Bool {
    guard let file else { return false }
    return (try? FileStatus.ofFile(at: path))?.identity == file.identity
  }

  private func lockFile(until deadline: UInt64) throws -> FileHandle {
    while true {
      let (handle, identity) = try file ?? open()
      file = (handle, identity)
      try Self.wait(for: handle, path: path, until: deadline)
      // Somebody may have removed the file, or moved the folder: a lock on it would keep nobody out who opens it
      // by its name.
      if isCurrent() { return handle }
      handle.unlock()
      file = nil
      guard Clock.monotonicNanoseconds < deadline else { throw Self.busy(path) }
    }
  }

  private func open() throws -> (FileHandle, FileStatus.Identity) {
    let existing = try FileHandle.existing(path, flags: .create)
    if existing == nil { try Files.makeFolder(Files.parent(of: path)) }
    let handle = try existing ?? FileHandle(path: path, flags: .create)
    try SharedFiles.check(handle, path)
    return (handle, try handle.status().identity)
  }

  /// Waits until this open file has the lock of the file.
  /// - Throws: ``StoreError`` where it can't be had in time; ``SystemError``.
  static func wait(for handle: FileHandle, path: String, until deadline: UInt64) throws {
    var tries = 0
    while try !handle.tryLock() {
      guard Clock.monotonicNanoseconds < deadline else { throw busy(path) }
      tries += 1
      // The lock is held for microseconds, so first give way, then pause for longer.
      if tries < 100 { sched_yield() } else { usleep(tries < 200 ? 100 : 1000) }
    }
  }

  private static func busy(_ path: String) -> StoreError {
    StoreError("\(path): held by another process for 5 s; run lslocks to see which process")
  }
}
