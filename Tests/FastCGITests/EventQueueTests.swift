import CLinux
import Glibc
import POSIX
import TestSupport
import Testing

@testable import FastCGI

/// Which descriptors threads are told of, and how often.
@Suite struct EventQueueTests {
  private let pair: (FileHandle, FileHandle)
  private let queue: EventQueue

  init() throws {
    pair = try Self.pair()
    queue = try EventQueue()
  }

  private static func pair() throws -> (FileHandle, FileHandle) {
    var ends: [Int32] = [0, 0]
    try retryingOnInterrupt("socketpair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    }
    return (FileHandle(owning: ends[0]), FileHandle(owning: ends[1]))
  }

  /// Two threads must never have the same connection.
  @Test func aConnectionIsToldOfOnceUntilItIsWatchedAgain() throws {
    let descriptor = pair.0.descriptor
    try queue.watch(descriptor, once: EPOLLIN.rawValue, isKnown: false)
    #expect(queue.wait(milliseconds: 0) == nil)
    try pair.1.writeNext([1])
    #expect(queue.wait(milliseconds: -1) == descriptor)
    try pair.1.writeNext([2])
    #expect(queue.wait(milliseconds: 0) == nil)
    try queue.watch(descriptor, once: EPOLLIN.rawValue, isKnown: true)
    #expect(queue.wait(milliseconds: -1) == descriptor)
  }

  @Test func whatEndsTheWorkerIsToldOfToEveryThread() throws {
    try queue.watch(pair.0.descriptor)
    try pair.1.writeNext([1])
    for _ in 0..<3 { #expect(queue.wait(milliseconds: -1) == pair.0.descriptor) }
    #expect(queue.poll(limit: 4) == [pair.0.descriptor])
  }

  @Test func someEventsAreTakenAtOnceAndNoMoreThanAskedFor() throws {
    let others = try (0..<3).map { _ in try Self.pair() }
    for (end, other) in others + [pair] {
      try queue.watch(end.descriptor, once: EPOLLIN.rawValue, isKnown: false)
      try other.writeNext([1])
    }
    let first = queue.poll(limit: 3)
    let second = queue.poll(limit: 3)
    #expect(first.count == 3 && second.count == 1)
    #expect(Set(first + second) == Set((others + [pair]).map(\.0.descriptor)))
    #expect(queue.poll(limit: 3).isEmpty)
  }

  /// The event comes once for all connections that wait: whoever leaves some behind has to ask for another.
  @Test func connectionsThatWaitCanBeToldOfAnew() throws {
    try queue.watchListener(pair.0.descriptor)
    try pair.1.writeNext([1])
    #expect(queue.wait(milliseconds: -1) == pair.0.descriptor)
    #expect(queue.wait(milliseconds: 0) == nil)
    queue.rearmListener(pair.0.descriptor)
    #expect(queue.wait(milliseconds: -1) == pair.0.descriptor)
    #expect(queue.isListening)
  }

  @Test func aListenerThatCannotBeWatchedIsReportedAndTriedAgain() {
    queue.rearmListener(-1)
    #expect(!queue.isListening)
    var reported: [Int32] = []
    queue.retryListening(pair.0.descriptor) { reported.append($0.code) }
    #expect(reported == [EBADF])
    #expect(queue.isListening)
    queue.retryListening(pair.0.descriptor) { reported.append($0.code) }
    #expect(reported == [EBADF])
  }
}
