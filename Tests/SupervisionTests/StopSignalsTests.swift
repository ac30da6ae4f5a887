import Glibc
import POSIX
import TestSupport
import Testing

@testable import FastCGI
@testable import Supervision

/// What ends a worker, and whether it may take its time.
@Suite struct StopSignalsTests {
  private struct Seen: Equatable {
    let isUrgent: Bool
    let servesRequests: Bool
    let isOver: Bool
  }

  /// What a worker sees that gets a signal, or whose supervisor ends.
  private func seen(_ signal: Int32?) throws -> Seen {
    // On a thread of its own, for which the signals are blocked.
    try concurrently(1) { _ in
      let reading: FileHandle
      var pipe: WorkerPipe? = try WorkerPipe()
      reading = try WorkerLaunch.movedUp(try #require(pipe).reading)
      let events = try StopSignals(lifeline: reading.descriptor)
      let times = StopDeadlines(events)
      guard !events.isUrgent else { throw SystemError(call: "urgent before anything happened", code: 0) }
      if let signal { pthread_kill(pthread_self(), signal) } else { pipe = nil }
      events.wait()
      return withExtendedLifetime(pipe) {
        Seen(isUrgent: events.isUrgent, servesRequests: times.servesRequests, isOver: times.haveExpired)
      }
    }[0]
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
  func whoeverEndsTheServiceIsInAHurry(_ signal: Int32) throws {
    #expect(try seen(signal) == Seen(isUrgent: true, servesRequests: true, isOver: false))
  }

  @Test func soIsWhoeverHasLostItsSupervisor() throws {
    #expect(try seen(nil) == Seen(isUrgent: true, servesRequests: true, isOver: false))
  }

  @Test func aWorkerThatIsReplacedIsNot() throws {
    #expect(try seen(SIGUSR1) == Seen(isUrgent: false, servesRequests: true, isOver: false))
  }
}
