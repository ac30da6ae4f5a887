import CLinux
import Glibc
import POSIX
import Testing

@testable import FastCGI

/// Which connection has to go when there is no room for another one, and which when the worker stops.
@Suite struct ParkedConnectionsTests {
  /// A connection and its peer's end.
  private struct Ends {
    let connection: Connection
    let peer: FileHandle

    init() throws {
      var ends: [Int32] = [0, 0]
      try retryingOnInterrupt("socketpair") {
        socketpair(
          AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends)
      }
      connection = Connection(owning: ends[0]) {}
      peer = FileHandle(owning: ends[1])
    }

    /// Sends some bytes and has the connection read them.
    func proceed(_ bytes: [UInt8]) throws -> Connection.Step {
      try peer.writeNext(bytes)
      return withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { connection.proceed($0) }
    }

    /// Whether the connection was broken off.
    var isBrokenOff: Bool {
      var byte: UInt8 = 0
      return recv(peer.descriptor, &byte, 1, Int32(MSG_DONTWAIT)) == 0
    }
  }

  /// The beginning of a request, and a whole one.
  private let half: [UInt8] = [1, 1, 0, 1, 0, 8, 0, 0, 0, 1]
  private let whole: [UInt8] =
    [1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0] + [1, 4, 0, 1, 0, 0, 0, 0] + [1, 5, 0, 1, 0, 0, 0, 0]

  @Test func onlyOneGetsAConnection() throws {
    let parked = ParkedConnections()
    let ends = try Ends()
    let descriptor = ends.connection.socket.descriptor
    #expect(!parked.haveDeadlines)
    parked.park(ends.connection)
    // Its first request is due.
    #expect(parked.haveDeadlines)
    #expect(parked.take(descriptor) === ends.connection)
    #expect(parked.take(descriptor) == nil)
    #expect(!parked.haveDeadlines)
  }

  @Test func theIdlestMakesRoomAndNotARequestThatHasBegun() throws {
    let parked = ParkedConnections()
    #expect(!parked.disconnectIdlest())
    let begun = try Ends()
    let idle = try (0..<3).map { _ in try Ends() }
    guard case .wait = try begun.proceed(half) else {
      Issue.record("half a request is none")
      return
    }
    // The last of them was active before the others were.
    for ends in idle.reversed() { _ = try ends.proceed([]) }
    for ends in [begun] + idle { parked.park(ends.connection) }
    #expect(parked.disconnectIdlest())
    #expect(idle.map(\.isBrokenOff) == [false, false, true])
    for ends in idle { _ = parked.take(ends.connection.socket.descriptor) }
    // With nobody idle, one must go all the same.
    #expect(!begun.isBrokenOff)
    #expect(parked.disconnectIdlest())
    #expect(begun.isBrokenOff)
  }

  @Test func aStopWaitsForThoseWhoseRequestIsOnItsWay() throws {
    let parked = ParkedConnections()
    let new = try Ends()
    let begun = try Ends()
    _ = try begun.proceed(half)
    let kept = try Ends()
    guard case .request = try kept.proceed(whole) else {
      Issue.record("no request")
      return
    }
    for ends in [new, begun, kept] { parked.park(ends.connection) }
    let others = parked.refuseMore()
    #expect(others.total == 2 && others.answers == 0)
    // Whoever kept a connection open is told that it takes nothing more; the others aren't.
    #expect(send(kept.peer.descriptor, [1], 1, Int32(MSG_NOSIGNAL)) == -1 && errno == EPIPE)
    for ends in [new, begun] { #expect(send(ends.peer.descriptor, [1], 1, Int32(MSG_NOSIGNAL)) == 1) }
  }
}
