import CGI
import CLinux
import Glibc
import POSIX

/// One connection from a web server: its socket, what has come of the next request, and what its peer is still to take
/// of the last answer.
///
/// Nothing here waits. Used by one thread at a time: whoever accepted it, got its event from epoll, or took it from a
/// ``JobQueue``.
final class Connection: @unchecked Sendable {
  /// How long a request may take to come, from its first byte on, and the first one from the beginning of
  /// the connection on. Web servers send what they have; a client that dawdles is theirs to wait for, but
  /// some pass its body on as it comes. Nanoseconds.
  private static let requestTime: UInt64 = 60_000_000_000
  /// When a request that has come must be answered, in queues and stores together: before web servers give up, nginx
  /// after 10 s in the shipped configuration. Nanoseconds.
  private static let workTime: UInt64 = 9_000_000_000
  /// How long a peer may take no byte of its answer, and how long all of an answer may take. Nanoseconds.
  private static let stallTime: UInt64 = 60_000_000_000
  private static let answerTime: UInt64 = 600_000_000_000
  /// How long a peer may go on sending what nobody wants. Nanoseconds.
  private static let lingerTime: UInt64 = 2_000_000_000
  /// How long pieces of a body are made before others have their turn. Nanoseconds.
  private static let streamTime: UInt64 = 20_000_000
  /// How often the socket is read in a row before others have their turn.
  private static let turn = 32

  /// What is to be done with the connection.
  enum Step {
    /// A request has come.
    case request(RequestReader.Incoming)
    /// Its job belongs to another lane from here on.
    case job
    /// The peer has taken what there was of an answer, and more of it can be made.
    case stream
    /// Nothing, until the peer has sent or taken something.
    case wait
    /// The peer is gone, or never spoke FastCGI, or has had its one answer.
    case closed
  }

  /// A request that isn't answered yet, and what answers it.
  struct Job {
    let request: RequestReader.Incoming
    let work: Work
    let isHead: Bool
    var deadline = Clock.monotonicNanoseconds + workTime

    /// What is left of it once another lane begins.
    func going(on rest: Work) -> Job {
      Job(request: request, work: rest, isHead: isHead, deadline: deadline)
    }
  }

  /// An answer that isn't sent yet.
  private struct Answer {
    let requestID: UInt16
    /// What is still to be made of its body.
    var stream: BodyStream?
    let sequel: Sequel
    let deadline = Clock.monotonicNanoseconds + answerTime
  }

  /// What becomes of the connection after an answer.
  private enum Sequel {
    /// Another request may come.
    case keep
    case close
    /// To be closed once the peer has: closing while it still sends would take the answer from it.
    case linger
  }

  let socket: FileHandle
  /// Whether epoll knows the connection.
  var isWatched = false
  /// What runs when a ``JobQueue`` lets it; nil for the rest of an answer.
  var job: Job?
  /// When its last step ended, in ``Clock/monotonicNanoseconds``: the idlest connection makes room for a new one.
  private(set) var lastStep = Clock.monotonicNanoseconds
  /// Whether it has carried a request.
  private(set) var isUsed = false
  /// When it is given up if nothing comes, in ``Clock/monotonicNanoseconds``; `.max` for never: between two requests
  /// the web server decides how long to keep it.
  private(set) var deadline: UInt64
  private var isLingering = false
  private var reader = RequestReader()
  /// What came behind the last request.
  private var rest: [UInt8] = []
  private var outbox = Outbox()
  private var answer: Answer?
  private let onClose: @Sendable () -> Void

  /// Takes ownership of an accepted socket that doesn't block.
  init(owning descriptor: Int32, onClose: @escaping @Sendable () -> Void) {
    socket = FileHandle(owning: descriptor)
    deadline = lastStep + Self.requestTime
    self.onClose = onClose
  }

  deinit { onClose() }

  /// Whether part of a request has come, or part of an answer is to go.
  var isInTheMiddle: Bool { reader.isInTheMiddle || isAnswering || job != nil }

  /// Whether part of an answer is still to go.
  var isAnswering: Bool { answer != nil || !outbox.isEmpty }

  /// What epoll is to wait for.
  var interest: UInt32 {
    // Hang-ups are always told. Half of one, when there is something to send, would be told without end.
    if isAnswering || job != nil { return EPOLLOUT.rawValue }
    // What has been read already gives no event, so that room for an answer stands in for it, as for a job.
    let input = EPOLLIN.rawValue | EPOLLRDHUP.rawValue
    return rest.isEmpty ? input : input | EPOLLOUT.rawValue
  }

  /// Goes as far as it can without waiting: sends what the peer takes, then reads what it has sent.
  /// - Parameter buffer: the thread's, for the time of the call.
  func proceed(_ buffer: UnsafeMutableRawBufferPointer) -> Step {
    defer { lastStep = Clock.monotonicNanoseconds }
    if job != nil { return .job }
    return finishAnswer() ?? receive(buffer)
  }

  /// Sends what the peer takes of an answer.
  /// - Returns: whether the connection is to be kept.
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
    for _ in 0..<Self.turn {
      let count = recv(socket.descriptor, buffer.baseAddress, buffer.count, 0)
      if count == 0 { return .closed }
      if count < 0 {
        switch errno {
        case EINTR: continue
        case EAGAIN: return .wait
        default: return .closed
        }
      }
      // What comes behind the last answer is thrown away.
      if isLingering { continue }
      if let step = take(UnsafeRawBufferPointer(buffer)[..<count]) { return step }
      if count < buffer.count { return .wait }
    }
    return .wait
  }

  /// - Returns: nil where more is to be read.
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
            // Whoever asks and doesn't listen isn't heard any further.
            rest = Array(bytes)
            deadline = Clock.monotonicNanoseconds + Self.stallTime
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
      deadline = Clock.monotonicNanoseconds + Self.requestTime
    }
    return nil
  }

  // MARK: - Answering

  /// Does the job, up to where another lane begins, or makes more of the answer that has begun, as far as the peer takes
  /// it.
  /// - Throws: what the body's stream throws. The connection must be closed then, so that the web server doesn't take
  ///   half an answer for a whole one.
  func runJob() throws {
    guard let job else { return try makeMore() }
    switch Deadline.with(job.deadline, { job.work.run() }) {
    case .response(let response): answer(job, with: response)
    case .next(let rest): self.job = job.going(on: rest)
    }
  }

  /// Begins to answer a request.
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
      sequel: keeps ? .keep : request.isWhole ? .close : .linger)
  }

  /// Sends what the peer takes of the answer; behind its end, does with the connection what is due.
  /// - Returns: nil where there is no answer to send any more, and requests can be read.
  private func finishAnswer() -> Step? {
    switch outbox.send(socket.descriptor) {
    case .closed: return .closed
    case .full:
      deadline = min(Clock.monotonicNanoseconds + Self.stallTime, answer?.deadline ?? .max)
      return .wait
    case .empty: break
    }
    guard let answer else { return nil }
    if answer.stream != nil { return .stream }
    self.answer = nil
    deadline = .max
    switch answer.sequel {
    case .close: return .closed
    case .linger:
      linger()
      return nil
    // The next request, if it has come, gives an event.
    case .keep: return rest.isEmpty ? .wait : nil
    }
  }

  private func makeMore() throws {
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

  /// Whether the peer has closed the connection. Half of it may be closed: whoever has sent all may still read.
  private var isPeerGone: Bool {
    var state = pollfd(fd: socket.descriptor, events: 0, revents: 0)
    return poll(&state, 1, 0) == 1 && state.revents & Int16(POLLHUP | POLLERR) != 0
  }

  // MARK: - Ending

  private func linger() {
    shutdown(socket.descriptor, Int32(SHUT_WR))
    isLingering = true
    deadline = Clock.monotonicNanoseconds + Self.lingerTime
    rest = []
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

/// The web server closed the connection before it had the whole answer.
struct PeerGone: Error {}
