import CGI
import CLinux
import Glibc
import POSIX

/// One connection from a web server: its socket, the part of the next request that has arrived, and the part of the
/// last answer that isn't sent yet.
///
/// No method blocks. One thread at a time uses a connection: the thread that accepted it, received its event from
/// epoll, or took it from a ``JobQueue``.
final class Connection: @unchecked Sendable {
  /// How long a request may take to arrive: the first one from the start of the connection, each later one from its
  /// first byte. Web servers that buffer send a request at once, but some pass on a slow client's body as it arrives.
  /// Nanoseconds.
  private static let requestTimeout: UInt64 = 60_000_000_000
  /// How long a peer may go without taking a byte of its answer, and how long a whole answer may take. Nanoseconds.
  private static let stallTimeout: UInt64 = 60_000_000_000
  private static let answerTimeout: UInt64 = 600_000_000_000
  /// How long a peer may go on sending a body that nobody reads. Nanoseconds.
  private static let lingerTimeout: UInt64 = 2_000_000_000
  /// How long a thread produces pieces of one body before it serves other connections. Nanoseconds.
  private static let streamTime: UInt64 = 20_000_000
  /// How many times in a row a thread reads from the socket before it serves other connections.
  private static let readsInARow = 32

  /// What the caller does with the connection next.
  enum Step {
    /// Answers this request.
    case request(RequestReader.Incoming)
    /// Runs the connection's job, in the lane that it belongs to.
    case job
    /// Produces more of the body: the peer has taken everything so far.
    case stream
    /// Waits until the socket is readable or writable.
    case wait
    /// Closes it: the peer has gone, didn't speak FastCGI, or has the only answer that it asked for.
    case closed
  }

  /// An answer that isn't completely sent.
  private struct Answer {
    let requestID: UInt16
    /// Produces the rest of the body; nil once all of it is in the outbox.
    var stream: BodyStream?
    let next: AfterAnswer
    let deadline = Clock.monotonicNanoseconds + answerTimeout
  }

  /// What happens to the connection after an answer.
  private enum AfterAnswer {
    /// It stays open for another request (`FCGI_KEEP_CONN`).
    case keep
    case close
    /// It closes once the peer has closed. Closing while the peer still sends makes the kernel reset the connection,
    /// and the peer could lose the answer.
    case linger
  }

  let socket: FileHandle
  /// Whether epoll knows the connection.
  var isWatched = false
  /// The job that waits for a ``JobQueue``; nil if the connection is there to produce more of a body.
  var job: Job?
  /// When its last step ended, in ``Clock/monotonicNanoseconds``. The ``Acceptor`` disconnects the connections with
  /// the earliest ones.
  private(set) var lastStep = Clock.monotonicNanoseconds
  /// Whether it has carried a request.
  private(set) var isUsed = false
  /// When the worker disconnects it if nothing arrives, in ``Clock/monotonicNanoseconds``. `.max` is never: between
  /// two requests, the web server decides how long to keep it.
  private(set) var deadline: UInt64
  private var isLingering = false
  private var reader = RequestReader()
  /// Bytes that were read together with the last request and come after it.
  private var rest: [UInt8] = []
  private var outbox = Outbox()
  private var answer: Answer?
  private let onClose: @Sendable () -> Void

  /// Takes ownership of an accepted, non-blocking socket.
  init(owning descriptor: Int32, onClose: @escaping @Sendable () -> Void) {
    socket = FileHandle(owning: descriptor)
    deadline = lastStep + Self.requestTimeout
    self.onClose = onClose
  }

  deinit { onClose() }

  /// Whether a request has partly arrived, or isn't completely answered.
  var isInTheMiddle: Bool { reader.isInTheMiddle || isAnswering || job != nil }

  /// Whether an answer isn't completely sent.
  var isAnswering: Bool { answer != nil || !outbox.isEmpty }

  /// The events that epoll reports. `epoll_ctl(2)`.
  var interest: UInt32 {
    // epoll always reports EPOLLHUP. EPOLLRDHUP isn't asked for: a peer that has sent everything may close its half,
    // and epoll would report that again and again while the answer is sent.
    if isAnswering || job != nil { return EPOLLOUT.rawValue }
    // Bytes that were read already cause no event. The socket is writable, so EPOLLOUT brings the connection back.
    let input = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
    return rest.isEmpty ? input : input | EPOLLOUT.rawValue
  }

  /// Sends as much as the peer takes, then reads what it has sent. Doesn't block.
  /// - Parameter buffer: memory of the calling thread to read into.
  func proceed(_ buffer: UnsafeMutableRawBufferPointer) -> Step {
    defer { lastStep = Clock.monotonicNanoseconds }
    if job != nil { return .job }
    return finishAnswer() ?? receive(buffer)
  }

  /// Sends as much of an answer as the peer takes.
  /// - Returns: false if the connection is at its end.
  func flush() -> Bool {
    defer { lastStep = Clock.monotonicNanoseconds }
    if job == nil, case .closed = finishAnswer() { return false }
    return true
  }

  // MARK: - Reading

  private func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Step {
    if !rest.isEmpty {
      let bytes = rest
      rest = []
      if let step = bytes.withUnsafeBytes({ take($0[...]) }) { return step }
    }
    for _ in 0..<Self.readsInARow {
      let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
      if count == 0 { return .closed }
      if count < 0 {
        switch errno {
        case EINTR: continue
        case EAGAIN: return .wait
        default: return .closed
        }
      }
      if isLingering { continue }
      if let step = take(UnsafeRawBufferPointer(buffer)[..<count]) { return step }
      if count < buffer.count { return .wait }
    }
    return .wait
  }

  /// - Returns: nil if the bytes complete no request.
  private func take(_ bytes: Slice<UnsafeRawBufferPointer>) -> Step? {
    var bytes = bytes
    do {
      while let event = try reader.read(&bytes) {
        switch event {
        case .request(let request):
          rest = Array(bytes)
          isUsed = true
          deadline = .max
          return .request(request)
        case .reply(let reply):
          outbox.append { $0 += reply }
          switch outbox.send(socket.descriptor) {
          case .empty: continue
          case .closed: return .closed
          case .full:
            // The peer doesn't read its replies. Reading on would let the outbox grow without bound.
            rest = Array(bytes)
            deadline = Clock.monotonicNanoseconds + Self.stallTimeout
            return .wait
          }
        case .lastReply(let reply):
          outbox.append { $0 += reply }
          _ = outbox.send(socket.descriptor)
          return .closed
        }
      }
    } catch {
      return .closed
    }
    if !reader.isInTheMiddle {
      if isUsed { deadline = .max }
    } else if deadline == .max {
      deadline = Clock.monotonicNanoseconds + Self.requestTimeout
    }
    return nil
  }

  // MARK: - Answering

  /// Runs the job until it is done or goes on in another lane. Without a job, produces more of the body, as long as
  /// the peer takes it.
  /// - Throws: what the body's stream throws, and ``PeerGone``. The caller then closes the connection, so that the
  ///   web server doesn't take half an answer for a complete one.
  func runJob() throws {
    guard let job else { return try streamBody() }
    switch Deadline.with(job.deadline, { job.work.run() }) {
    case .response(let response): answer(job, with: response)
    case .next(let rest): self.job = job.continued(by: rest)
    }
  }

  /// Puts the head of an answer into the outbox, and its body unless that is a stream. The connection stays open only
  /// if the web server asks for that and will send no more of this request; an authorizer gets no body.
  func answer(_ job: Job, with response: Response) {
    self.job = nil
    let request = job.request
    let (first, stream) = response.parts(isHead: job.isHead)
    outbox.append {
      Record.appendOutput(request.requestID, first, to: &$0)
      if stream == nil { Record.appendOutputEnd(request.requestID, to: &$0) }
    }
    let keeps = request.keepsConnection && (request.isWhole || request.role == .authorizer)
    answer = Answer(
      requestID: request.requestID, stream: stream,
      next: keeps ? .keep : request.isWhole ? .close : .linger)
  }

  /// Sends as much of the answer as the peer takes. Once all is sent, keeps or closes the connection.
  /// - Returns: nil if nothing is left to send, and the caller may read.
  private func finishAnswer() -> Step? {
    switch outbox.send(socket.descriptor) {
    case .closed: return .closed
    case .full:
      deadline = min(Clock.monotonicNanoseconds + Self.stallTimeout, answer?.deadline ?? .max)
      return .wait
    case .empty: break
    }
    guard let answer else { return nil }
    if answer.stream != nil { return .stream }
    self.answer = nil
    deadline = .max
    switch answer.next {
    case .close: return .closed
    case .linger:
      linger()
      return nil
    // If the next request is in the socket, epoll reports it.
    case .keep: return rest.isEmpty ? .wait : nil
    }
  }

  private func streamBody() throws {
    guard let answer, let stream = answer.stream else { return }
    let end = Clock.monotonicNanoseconds + Self.streamTime
    repeat {
      if isPeerGone { throw PeerGone() }
      guard let piece = try stream.next() else {
        outbox.append { Record.appendOutputEnd(answer.requestID, to: &$0) }
        self.answer?.stream = nil
        return
      }
      if piece.isEmpty { continue }
      outbox.append { Record.appendOutput(answer.requestID, piece, to: &$0) }
      guard case .empty = outbox.send(socket.descriptor) else { return }
    } while Clock.monotonicNanoseconds < end
  }

  /// Whether the peer has closed the whole connection. A peer that has closed only its sending half still reads.
  private var isPeerGone: Bool {
    var state = pollfd(fd: socket.descriptor, events: 0, revents: 0)
    return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP | POLLERR) != 0
  }

  // MARK: - Ending

  private func linger() {
    shutdown(socket.descriptor, Int32(SHUT_WR))
    isLingering = true
    deadline = Clock.monotonicNanoseconds + Self.lingerTimeout
    rest = []
  }

  /// Makes further sends of the peer fail. Bytes that have arrived can still be read. `shutdown(2)`, SHUT_RD.
  func refuseMore() {
    shutdown(socket.descriptor, Int32(SHUT_RD))
  }

  /// Shuts the connection down. epoll then reports it, and the thread that receives the event closes it. Another
  /// thread can't close the descriptor itself: its number could be reused in between. `shutdown(2)`, SHUT_RDWR.
  func disconnect() {
    shutdown(socket.descriptor, Int32(SHUT_RDWR))
  }
}

/// The web server closed the connection before it had received the complete answer.
struct PeerGone: Error {}
