import Glibc
import Testing

@testable import Supervision

/// When a worker that ended is started again.
@Suite struct RestartBackOffTests {
  private static let failed: Int32 = 1 << 8

  @Test func theWaitDoublesUpToFiveSeconds() {
    var backOff = RestartBackOff()
    var waits: [Double] = []
    for _ in 0..<8 {
      backOff.noteEnd(status: Self.failed, age: 0.5, now: 100)
      waits.append(((backOff.nextStart - 100) * 10).rounded() / 10)
    }
    #expect(waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])
  }

  @Test(arguments: [(failed, 1.0), (0, 0.1), (SIGKILL, 0.1)])
  func aWorkerThatRanOrWasKilledIsRestartedAtOnce(_ status: Int32, _ age: Double) {
    var backOff = RestartBackOff()
    backOff.noteFailure(now: 100)
    backOff.noteEnd(status: status, age: age, now: 100)
    #expect(backOff.nextStart <= 100)
    // The next failure is the first again.
    backOff.noteFailure(now: 100)
    #expect(backOff.nextStart < 100.15)
  }

  @Test func aSignalOtherThanKillIsAFailure() {
    var backOff = RestartBackOff()
    backOff.noteEnd(status: SIGSEGV, age: 0.1, now: 100)
    #expect(backOff.nextStart > 100)
  }
}
