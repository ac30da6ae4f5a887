import Foundation
import POSIX
import Synchronization
import TestSupport
import Testing

@testable import Stores

@Suite struct FileLockTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.file("lock") }

  @Test func itKeepsOutThreadsAndOtherOpenFiles() throws {
    let shared = FileLock(path: path)
    let inside = Atomic(0)
    let most = try concurrently(8) { [path] number -> Int in
      let lock = number % 2 == 0 ? shared : FileLock(path: path)
      var most = 0
      for _ in 0..<200 {
        try lock.withLock {
          most = max(most, inside.add(1, ordering: .relaxed).newValue)
          sched_yield()
          inside.subtract(1, ordering: .relaxed)
        }
      }
      return most
    }
    #expect(most.max() == 1)
  }

  @Test func itIsGivenBackAfterAFailure() throws {
    let lock = FileLock(path: path)
    struct Failure: Error {}
    #expect(throws: Failure.self) { try lock.withLock { throw Failure() } }
    #expect(try FileLock(path: path).withLock { true })
  }

  @Test func aRemovedFileIsNoticed() throws {
    let lock = FileLock(path: path)
    try lock.withLock {
      #expect(lock.isCurrent())
      unlink(path)
      #expect(!lock.isCurrent())
    }
    try lock.withLock { #expect(lock.isCurrent()) }
  }

  /// Threads of the same process count too: the wait for both is bounded together.
  @Test func whoCantHaveItIsToldWhatToLookAt() throws {
    let other = try FileHandle(path: path, flags: .create)
    #expect(try other.tryLock())
    let lock = FileLock(path: path)
    let messages = try concurrently(3) { _ in
      do {
        try lock.withLock {}
        return ""
      } catch let error as StoreError {
        return error.description
      }
    }
    #expect(messages.allSatisfy { $0.hasPrefix("\(path): held by another process for 5 s") })
  }
}
