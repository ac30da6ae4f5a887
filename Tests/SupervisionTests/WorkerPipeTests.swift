import Glibc
import POSIX
import Testing

@testable import Supervision

/// What workers tell their supervisor.
@Suite struct WorkerPipeTests {
  @Test func everyNumberArrivesAndNobodyWaitsForMore() throws {
    let pipe = try WorkerPipe()
    #expect(pipe.readNumbers().isEmpty)
    for number in [7, 8, 9] as [pid_t] {
      var number = number
      #expect(write(pipe.writing.descriptor, &number, MemoryLayout<pid_t>.size) == MemoryLayout<pid_t>.size)
    }
    #expect(pipe.readNumbers() == [7, 8, 9])
    #expect(pipe.readNumbers().isEmpty)
  }

  /// Below that number are the places that a worker's files go to.
  @Test func bothEndsAreOutOfTheWay() throws {
    let pipe = try WorkerPipe()
    #expect(pipe.reading.descriptor >= 32 && pipe.writing.descriptor >= 32)
    for end in [pipe.reading, pipe.writing] { #expect(fcntl(end.descriptor, F_GETFD) & FD_CLOEXEC != 0) }
  }

  @Test func aHeartBeatsAtOnceAndThenNowAndThen() throws {
    let pipe = try WorkerPipe()
    let heartbeat = Heartbeat(descriptor: pipe.writing.descriptor, interval: 3600)
    for _ in 0..<100 { heartbeat.beat() }
    #expect(pipe.readNumbers() == [getpid()])
    let quick = Heartbeat(descriptor: pipe.writing.descriptor, interval: 0)
    for _ in 0..<3 { quick.beat() }
    #expect(pipe.readNumbers() == [getpid(), getpid(), getpid()])
  }

  /// A stopped supervisor must not stop its workers.
  @Test(.timeLimit(.minutes(1))) func aFullPipeHoldsUpNoHeart() throws {
    let pipe = try WorkerPipe()
    let heartbeat = Heartbeat(descriptor: pipe.writing.descriptor, interval: 0)
    // A pipe holds 64 KiB at the most here. pipe(7)
    for _ in 0..<20_000 { heartbeat.beat() }
    let numbers = pipe.readNumbers()
    #expect(numbers.count > 1000 && numbers.count < 20_000)
    #expect(numbers.allSatisfy { $0 == getpid() })
    heartbeat.beat()
    #expect(pipe.readNumbers() == [getpid()])
  }
}
