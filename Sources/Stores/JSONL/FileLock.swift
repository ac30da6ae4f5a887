import Glibc
import POSIX

/// A lock that keeps out other threads and other processes: a mutex around `flock(2)` on a file of its
/// own, which is never renamed.
///
/// `flock` belongs to the open file, which threads share: hence the mutex. The wait for both together is
/// bounded.
final class FileLock: @unchecked Sendable {
  /// How long to wait before giving up. Nanoseconds.
  static let patience: UInt64 = 5_000_000_000

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
    let deadline = Clock.monotonicNanoseconds + Self.patience
    guard mutex.lock(until: deadline) else { throw busy }
    defer { mutex.unlock() }
    let handle = try lockFile(until: deadline)
    defer { handle.unlock() }
    return try body()
  }

  private func lockFile(until deadline: UInt64) throws -> FileHandle {
    while true {
      let (handle, identity) = try file ?? open()
      file = (handle, identity)
      try wait(for: handle, until: deadline)
      // Somebody may have removed the file, or moved the folder: a lock on it would keep nobody out who opens it
      // by its name.
      if (try? FileStatus.ofFile(at: path))?.identity == identity { return handle }
      handle.unlock()
      file = nil
    }
  }

  private func open() throws -> (FileHandle, FileStatus.Identity) {
    let existing = try FileHandle.existing(path, flags: .create)
    if existing == nil { try Files.makeFolder(Files.parent(of: path)) }
    let handle = try existing ?? FileHandle(path: path, flags: .create)
    return (handle, try handle.status().identity)
  }

  private func wait(for handle: FileHandle, until deadline: UInt64) throws {
    var tries = 0
    while try !handle.tryLock() {
      guard Clock.monotonicNanoseconds < deadline else { throw busy }
      tries += 1
      // The lock is held for microseconds, so first give way, then pause for longer.
      if tries < 100 { sched_yield() } else { usleep(tries < 200 ? 100 : 1000) }
    }
  }

  private var busy: StoreError { StoreError("\(path): held by another process for 5 s") }
}
