import Glibc
import POSIX

/// A lock against other threads and other processes: a mutex around flock(2) on a file of its own, which is
/// never renamed.
///
/// `flock` belongs to the open file, which threads share. So each thread takes the mutex first. The wait for
/// both together is bounded.
///
/// Another program may remove the lock file while it is locked. The next process then makes another file and
/// locks that. A caller that must not lose what another process writes also locks the data file, as
/// ``AppendLog`` does.
final class FileLock: @unchecked Sendable {
  /// How long to wait for the lock, if the request's deadline isn't earlier. Nanoseconds.
  static let timeout: UInt64 = 5_000_000_000

  private let path: String
  private let mutex = TimedMutex()
  /// Guarded by the mutex.
  private var file: (handle: FileHandle, identity: FileStatus.Identity)?

  init(path: String) {
    self.path = path
  }

  /// Runs a body under the lock.
  /// - Throws: ``StoreError`` if the lock isn't free within 5 s, and what the body throws.
  func withLock<Value>(_ body: () throws -> Value) throws -> Value {
    try withLockAndDeadline { _ in try body() }
  }

  /// As ``withLock(_:)``. The body gets the deadline of its wait for further locks, in
  /// ``Clock/monotonicNanoseconds``.
  func withLockAndDeadline<Value>(_ body: (_ deadline: UInt64) throws -> Value) throws -> Value {
    let deadline = Deadline.within(Self.timeout)
    guard mutex.lock(until: deadline) else { throw Self.busy(path) }
    defer { mutex.unlock() }
    let handle = try lockFile(until: deadline)
    defer { handle.unlock() }
    return try body(deadline)
  }

  /// Whether the locked file still has its name. Call this in the body of ``withLock(_:)``.
  func isCurrent() -> Bool {
    guard let file else { return false }
    return (try? FileStatus.ofFile(at: path))?.identity == file.identity
  }

  private func lockFile(until deadline: UInt64) throws -> FileHandle {
    while true {
      let (handle, identity) = try file ?? open()
      file = (handle, identity)
      try Self.wait(for: handle, path: path, until: deadline)
      // Another program may have removed the file or moved the folder. A process that opens the file by its
      // name would then lock another one.
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

  /// Takes the lock of an open file.
  /// - Parameter deadline: when to give up, in ``Clock/monotonicNanoseconds``.
  /// - Throws: ``StoreError`` if the lock isn't free in time; ``SystemError``.
  static func wait(for handle: FileHandle, path: String, until deadline: UInt64) throws {
    var tries = 0
    while try !handle.tryLock() {
      guard Clock.monotonicNanoseconds < deadline else { throw busy(path) }
      tries += 1
      // Locks are held for microseconds. So the loop yields at first, and sleeps for longer later.
      if tries < 100 { sched_yield() } else { usleep(tries < 200 ? 100 : 1000) }
    }
  }

  private static func busy(_ path: String) -> StoreError {
    StoreError("\(path): held by another process for 5 s; run lslocks to see which process")
  }
}
