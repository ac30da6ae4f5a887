import Glibc
import Testing

@testable import CGI
@testable import FastCGI

@Suite struct JobQueueTests {
  /// A connection of nobody's.
  private func connection() -> Connection {
    Connection(owning: dup(0)) {}
  }

  @Test func soManyRunAndSoManyWait() {
    let queue = JobQueue(limit: 2, capacity: 2)
    let all = (0..<5).map { _ in connection() }
    #expect(all.map { queue.admit($0) } == [.run, .run, .queued, .queued, .refused])
    #expect(queue.hasWaiting)
    // In the order in which they came, and a place for each that has run.
    #expect(queue.next() === all[2])
    #expect(queue.admit(all[4]) == .queued)
    #expect(queue.next() === all[3])
    #expect(queue.next() === all[4])
    #expect(!queue.hasWaiting)
    #expect(!queue.isIdle)
    #expect(queue.next() == nil)
    #expect(queue.next() == nil)
    #expect(queue.isIdle)
    #expect(queue.admit(all[0]) == .run)
  }

  @Test func thoseThatWaitCanBeTakenOut() {
    let queue = JobQueue(limit: 1, capacity: 500)
    let all = (0..<500).map { _ in connection() }
    for connection in all { _ = queue.admit(connection) }
    for index in 1...300 { #expect(queue.next() === all[index]) }
    #expect(queue.removeExpired().isEmpty)
    #expect(queue.removeAll().elementsEqual(all[301...], by: ===))
    #expect(queue.next() == nil)
    #expect(queue.isIdle)
  }
}
