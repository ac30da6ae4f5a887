import Glibc
import POSIX
import TestSupport
import Testing

@testable import Supervision

@Suite struct SignalQueueTests {
  /// Runs a body on a thread of its own, as signals are blocked for the thread that makes a queue.
  private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    try concurrently(1) { _ in try body() }[0]
  }

  @Test func signalsWaitUntilTheyAreWaitedFor() throws {
    let came = try onThread {
      let queue = try SignalQueue([SIGUSR2, SIGWINCH])
      let pipe = try WorkerPipe()
      // To this thread alone: the process would get it by a thread that doesn't block it.
      pthread_kill(pthread_self(), SIGUSR2)
      pthread_kill(pthread_self(), SIGWINCH)
      return [queue.wait(seconds: 60, or: pipe.reading), queue.wait(seconds: 0, or: pipe.reading)]
    }
    #expect(came.map { Set($0) } == [[SIGUSR2, SIGWINCH], []])
  }

  @Test func somethingToReadEndsTheWait() throws {
    let came = try onThread {
      let queue = try SignalQueue([SIGUSR2])
      let pipe = try WorkerPipe()
      Heartbeat(descriptor: pipe.writing.descriptor, interval: 1).beat()
      return (queue.wait(seconds: 3600, or: pipe.reading), pipe.readNumbers())
    }
    #expect(came.0.isEmpty)
    #expect(came.1 == [getpid()])
  }
}
