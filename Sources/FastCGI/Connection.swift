import CGI
import Glibc
import POSIX
import Synchronization

/// One connection from a web server: its socket, and what has come of the next request.
///
/// Used by one thread at a time: whoever accepted it, or got its event from epoll.
final class Connection {
  /// How long a peer may take no byte of its answer before it is given up; while the worker ends, one such step.
  /// Milliseconds.
  private static let patience: Int32 = 5_000
  private static let patienceStep: Int32 = 200
  /// How long a request may take to come, from its first byte on, and the first one from the beginning of
  /// the connection on. Web servers send what they have; a client that dawdles is theirs to wait for, but
  /// some pass its body on as it comes. Nanoseconds.
  private static let requestTime: UInt64 = 60_000_000_000
  /// How often it is read in a row before others have their turn.
  private static let turn = 32
  /// How long a peer may go on sending what nobody wants. Nanoseconds.
  private static let lingerTime: UInt64 = 2_000_000_000

  /// What became of reading.
  enum Arrival {
    case request(RequestReader.Incoming)
    /// Nothing yet, or not all of a request.
    case nothing
    /// The peer is gone, or never spoke FastCGI.
    case closed
  }

  let socket: FileHandle
  /// Whether it has carried a request.
  private(set) var isUsed = false
  /// Whether the worker ends, so that a peer who doesn't read is soon given up.
  private let ending: EndFlag
  /// When it is given up if nothing comes, in ``Clock/monotonicNanoseconds``; `.max` for never: between two requests
  /// the web server decides how long to keep it.
  private(set) var deadline = Clock.monotonicNanoseconds + requestTime
  private var isAtEnd = false
  private var reader = RequestReader()
  /// What came behind the last request.
  private var rest: [UInt8] = []

  /// Takes ownership of an accepted socket that doesn't block.
  init(owning descriptor: Int32, ending: EndFlag) {
    socket = FileHandle(owning: descriptor)
    self.ending = ending
  }

  /// Whether part of a request has come.
  var isInTheMiddle: Bool { reader.isInTheMiddle }

  /// Whether something has come behind the last request that is still to be looked at.
  var hasMore: Bool { !rest.isEmpty }

  /// Reads what has come, without waiting.
  /// - Parameter buffer: the thread's, for the time of the call.
  func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Arrival {
    if !rest.isEmpty {
      let bytes = rest
      rest = []
      let arrival = bytes.withUnsafeBytes { take($0[...]) }
      guard case .nothing = arrival else { return arrival }
    }
    for _ in 0..<Self.turn {
      let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
      if count == 0 { return .closed }
      if count < 0 {
        switch errno {
        case EINTR: continue
        case EAGAIN: return .nothing
        default: return .closed
        }
      }
      // What comes behind the last answer is thrown away.
      if isAtEnd { continue }
      let arrival = take(UnsafeRawBufferPointer(buffer)[..<count])
      if case .nothing = arrival, count == buffer.count { continue }
      return arrival
    }
    return .nothing
  }

  private func take(_ bytes: Slice<UnsafeRawBufferPointer>) -> Arrival {
    var bytes = bytes
    do {
      while let event = try reader.read(&bytes) {
        switch event {
        case .request(let request):
          rest = Array(bytes)
          isUsed = true
          deadline = .max
          return .request(request)
        case .reply(let reply): try send(reply, patience: 0)
        case .lastReply(let reply):
          try send(reply, patience: 0)
          return .closed
        }
      }
      if !reader.isInTheMiddle {
        if isUsed { deadline = .max }
      } else if deadline == .max {
        deadline = Clock.monotonicNanoseconds + Self.requestTime
      }
      return .nothing
    } catch {
      return .closed
    }
  }

  /// What is to be done with the connection once a request on it was answered.
  enum Sequel {
    /// Another request may come.
    case keep
    case close
    /// To be closed once the peer has: closing while it still sends would take the answer from it.
    case linger
  }

  /// Sends the answer to a request.
  /// - Parameter write: hands over the answer's bytes, CGI fields and body; what it throws breaks the
  ///   connection off, so that the web server doesn't take half an answer for a whole one.
  func answer(
    _ request: RequestReader.Incoming, _ write: (@escaping Response.Sink) throws -> Void
  ) -> Sequel {
    let answer = AnswerWriter(requestID: request.requestID) { [self] in
      try send($0, patience: Self.patience)
    }
    do {
      try write(answer.append)
      try answer.finish()
    } catch {
      return .close
    }
    if request.keepsConnection && (request.isWhole || request.role == .authorizer) { return .keep }
    if request.isWhole { return .close }
    shutdown(socket.descriptor, Int32(SHUT_WR))
    isAtEnd = true
    deadline = Clock.monotonicNanoseconds + Self.lingerTime
    rest = []
    return .linger
  }

  /// Sends bytes.
  /// - Parameter patience: how long a peer may take none of them. Milliseconds.
  /// - Throws: ``PeerGone``.
  private func send(_ bytes: [UInt8], patience: Int32) throws(PeerGone) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(socket.descriptor, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        done += count
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        try waitForRoom(patience)
      default: throw PeerGone()
      }
    }
  }

  private func waitForRoom(_ patience: Int32) throws(PeerGone) {
    var wait = pollfd(fd: socket.descriptor, events: Int16(POLLOUT), revents: 0)
    // In steps, as the worker may come to its end meanwhile.
    var rest = patience
    repeat {
      if poll(&wait, 1, min(rest, Self.patienceStep)) != 0 { return }
      rest -= Self.patienceStep
    } while rest > 0 && !ending.isSet
    throw PeerGone()
  }

  /// Tells the peer that nothing it sends from now on will be read; what it has sent can still be received.
  /// `shutdown(2)`.
  func refuseMore() {
    shutdown(socket.descriptor, Int32(SHUT_RD))
  }

  /// Has epoll tell of the connection, so that whoever gets the event closes it.
  func breakOff() {
    shutdown(socket.descriptor, Int32(SHUT_RDWR))
  }
}

/// Told to all connections of a worker that ends.
final class EndFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }

  func set() { flag.store(true, ordering: .relaxed) }
}

/// The web server closed the connection before it had the whole answer.
struct PeerGone: Error {}
