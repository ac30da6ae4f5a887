import CLinux
import Glibc
import POSIX
import Testing

@testable import FastCGI

/// Answers that a peer takes slowly.
@Suite struct OutboxTests {
  private let own: FileHandle
  private let peer: FileHandle

  init() throws {
    var ends: [Int32] = [0, 0]
    try retryingOnInterrupt("socketpair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    }
    own = FileHandle(owning: ends[0])
    peer = FileHandle(owning: ends[1])
  }

  @Test func everythingArrivesInOrderWhateverThePeerTakesAtATime() throws {
    var outbox = Outbox()
    let answer = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    outbox.append { $0 += answer.prefix(2_900_000) }
    var received: [UInt8] = []
    var fulls = 0
    while true {
      guard case .full = outbox.send(own.descriptor) else { break }
      #expect(!outbox.isEmpty)
      fulls += 1
      // More of the answer comes while some of it waits.
      if fulls == 1 { outbox.append { $0 += answer.dropFirst(2_900_000) } }
      received += try peer.readNext(count: 100_000)
    }
    #expect(fulls > 1)
    #expect(outbox.isEmpty)
    while received.count < answer.count { received += try peer.readNext(count: 100_000) }
    #expect(received == answer)
  }

  @Test func aPeerThatIsGoneIsNoticed() {
    var outbox = Outbox()
    outbox.append { $0 += [1, 2, 3] }
    shutdown(peer.descriptor, Int32(SHUT_RDWR))
    guard case .closed = outbox.send(own.descriptor) else {
      Issue.record("sent to nobody")
      return
    }
  }

  @Test func nothingIsSentAtOnce() {
    var outbox = Outbox()
    #expect(outbox.isEmpty)
    guard case .empty = outbox.send(own.descriptor) else {
      Issue.record("nothing is too much")
      return
    }
  }
}
