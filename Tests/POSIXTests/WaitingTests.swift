import Glibc
import Synchronization
import TestSupport
import Testing

@testable import POSIX

/// What threads wait with, and for how long.
@Suite struct WaitingTests {
  private static let second: UInt64 = 1_000_000_000
  private static var past: UInt64 { Clock.monotonicNanoseconds - 1 }
  private static var future: UInt64 { Clock.monotonicNanoseconds + 60 * second }

  // MARK: - Deadlines

  @Test func withoutADeadlineThereIsNoEnd() {
    #expect(Deadline.current == .max)
    let before = Clock.monotonicNanoseconds
    let limit = Deadline.within(5 * Self.second)
    #expect(limit >= before + 5 * Self.second && limit <= Clock.monotonicNanoseconds + 5 * Self.second)
  }

  @Test func theEarlierOfTwoCounts() {
    let deadline = Clock.monotonicNanoseconds + Self.second
    Deadline.with(deadline) {
      #expect(Deadline.current == deadline)
      #expect(Deadline.within(60 * Self.second) == deadline)
      #expect(Deadline.within(0) < deadline)
    }
    #expect(Deadline.current == .max)
  }

  @Test func aDeadlineEndsWithItsBody() {
    struct Failure: Error {}
    Deadline.with(7) {
      #expect(throws: Failure.self) { try Deadline.with(5) { throw Failure() } }
      #expect(Deadline.current == 7)
    }
    #expect(Deadline.current == .max)
  }

  @Test func aDeadlineIsOneThreads() throws {
    let elsewhere = try Deadline.with(5) { try concurrently(1) { _ in Deadline.current } }
    #expect(elsewhere == [.max])
  }

  @Test func waitingIsForbiddenToOneThreadForOneBody() throws {
    struct Failure: Error {}
    #expect(Waiting.isAllowed)
    let elsewhere = try Waiting.forbidden {
      #expect(!Waiting.isAllowed)
      #expect(throws: Failure.self) { try Waiting.forbidden { throw Failure() } }
      #expect(!Waiting.isAllowed)
      return try concurrently(1) { _ in Waiting.isAllowed }
    }
    #expect(elsewhere == [true])
    #expect(Waiting.isAllowed)
  }

  // MARK: - Mutexes

  @Test func aMutexKeepsOthersOutAndNoLongerThanTheyWait() throws {
    let mutex = TimedMutex()
    #expect(mutex.lock(until: Self.future))
    #expect(try concurrently(3) { _ in mutex.lock(until: Self.past) } == [false, false, false])
    mutex.unlock()
    // Free, it is had even when time is up.
    #expect(mutex.lock(until: Self.past))
    mutex.unlock()
  }

  @Test func ofManyOneHasTheMutex() throws {
    let mutex = TimedMutex()
    let inside = Atomic(0)
    let most = try concurrently(8) { _ -> Int in
      var most = 0
      for _ in 0..<200 {
        guard mutex.lock(until: Self.future) else { return 99 }
        most = max(most, inside.add(1, ordering: .relaxed).newValue)
        sched_yield()
        inside.subtract(1, ordering: .relaxed)
        mutex.unlock()
      }
      return most
    }
    #expect(most.max() == 1)
  }

  @Test func whoWaitsForAMonitorIsWoken() throws {
    let monitor = Monitor([Int]())
    let results = try concurrently(9) { number -> Int? in
      if number == 8 {
        for value in 0..<8 {
          monitor.withLock { $0.append(value) }
          monitor.wake()
        }
        return nil
      }
      return monitor.wait(until: Self.future) { $0.popLast() }
    }
    #expect(Set(results[..<8].compactMap { $0 }) == Set(0..<8))
  }

  @Test func aMonitorIsWaitedForUntilAMoment() {
    let monitor = Monitor(0)
    var looks = 0
    let value = monitor.wait(until: Self.past) { _ -> Int? in
      looks += 1
      return nil
    }
    #expect(value == nil)
    #expect(looks == 2, "once at first, and once more when time is up")
    #expect(monitor.wait(until: Self.past) { $0 } == 0)
  }

  // MARK: - Threads

  @Test func aThreadIsJoinedOnceItHasEnded() throws {
    let monitor = Monitor(false)
    let thread = try Thread.start { monitor.wait { $0 ? () : nil } }
    #expect(!Thread.join(thread, until: Self.past))
    monitor.withLock { $0 = true }
    monitor.wake()
    #expect(Thread.join(thread, until: Self.future))
  }

  /// Of the calling thread alone, as Linux has it.
  @Test func aThreadGivesWayAndOthersDoNot() throws {
    let own = getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
    let priorities = Monitor([Int32]())
    try Thread.detachInBackground {
      priorities.withLock { $0.append(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)) }
      priorities.wake()
    }
    #expect(priorities.wait(until: Self.future) { $0.first } == 19)
    #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) == own)
  }
}
