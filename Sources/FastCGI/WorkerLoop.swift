import CGI
import CLinux
import Glibc
import HTTPTypes
import Logging
import POSIX
import Synchronization

/// Serves FastCGI connections from a listening socket until told to stop.
///
/// All threads wait on one epoll, for the listening socket, every parked connection, and what ends the worker. A
/// thread is busy only while a request runs, and a request runs only when all of it is there: connections that are
/// silent, kept or slow cost a descriptor, not a thread.
public final class WorkerLoop: Sendable {
  public typealias Handler = @Sendable (Request, Role) -> Response

  /// How many bytes a thread reads at a time.
  private static let bufferSize = 65536
  /// How often late connections are looked for. Milliseconds.
  private static let lookout: Int32 = 1000
  /// After a stop: how long connections that wait to be accepted are taken on, how long requests that have begun to
  /// come are waited for, and how long those that have come are served. Nanoseconds.
  private static let acceptTime: UInt64 = 500_000_000
  private static let finishTime: UInt64 = 1_000_000_000
  private static let serveTime: UInt64 = 1_700_000_000
  /// How many requests that have come at once on a connection are answered before others have their turn.
  private static let turn = 32
  /// How many new connections a thread serves before it looks at those there are.
  private static let acceptBatch = 8
  /// Descriptors that connections leave to files.
  private static let reserve = 32

  private let listener: Int32
  private let threads: Int
  private let requestLimit: Int
  private let handler: Handler
  private let logger: Logger
  private let epoll: FileHandle
  private let signals: FileHandle
  private let parked = ParkedConnections()
  private let served = Atomic<Int>(0)
  private let lastComplaint = Atomic<UInt64>(0)
  private let ending = EndFlag()
  private let maximumConnections: Int

  /// What an event is about is told by its descriptor: the listening socket, what ends the worker, or else a
  /// connection.
  private let stops: [Int32]

  /// - Parameters:
  ///   - listener: a listening socket, 0 as web servers hand it over. Stays the caller's.
  ///   - lifeline: the reading end of a pipe that the supervisor holds open: the worker ends with it.
  ///   - threads: how many requests can run at once.
  ///   - requestLimit: how many requests are served before the worker ends by itself; 0 for any number.
  /// - Throws: ``SystemError``.
  public init(
    listener: Int32 = 0, lifeline: Int32? = nil, threads: Int, requestLimit: Int = 0, logger: Logger,
    handler: @escaping Handler
  ) throws(SystemError) {
    self.listener = listener
    self.threads = threads
    self.requestLimit = requestLimit
    self.logger = logger
    self.handler = handler
    maximumConnections = max(1, Limits.raiseDescriptors() - Self.reserve)
    signal(SIGPIPE, SIG_IGN)
    // Meant for the supervisor, and sent to the whole group by terminals and service managers.
    signal(SIGHUP, SIG_IGN)
    signals = try Self.blockSignals()
    epoll = FileHandle(
      owning: try retryingOnInterrupt("epoll_create1") {
        epoll_create1(Int32(EPOLL_CLOEXEC))
      })
    stops = [signals.descriptor] + (lifeline.map { [$0] } ?? [])
    try retryingOnInterrupt("fcntl") {
      fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK)
    }
    try watchListener()
    for stop in stops { try watch(stop, EPOLLIN.rawValue) }
  }

  /// SIGTERM, SIGINT, SIGQUIT and SIGUSR1 (a web server's word for a gentle stop) as a descriptor that becomes readable.
  ///
  /// It is never read, so it stays readable, and every thread that comes to wait finds out. A handler
  /// could not do that: the signal would meet one thread, perhaps between looking and waiting.
  private static func blockSignals() throws(SystemError) -> FileHandle {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGTERM, SIGINT, SIGQUIT, SIGUSR1] { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    return FileHandle(
      owning: try retryingOnInterrupt("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
  }

  /// Serves until SIGTERM, SIGINT, SIGQUIT, SIGUSR1, the end of the lifeline or the last request that it is to serve;
  /// requests in flight are answered first.
  public func run() {
    var others: [pthread_t] = []
    for _ in 1..<max(threads, 1) {
      var thread = pthread_t()
      let loop = Unmanaged.passRetained(self).toOpaque()
      let result = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<WorkerLoop>.fromOpaque(argument!).takeRetainedValue().serve()
          return nil
        }, loop)
      if result == 0 { others.append(thread) }
    }
    serve()
    for thread in others { pthread_join(thread, nil) }
  }

  private func serve() {
    withUnsafeTemporaryAllocation(byteCount: Self.bufferSize, alignment: 16) { buffer in
      var event = epoll_event()
      while true {
        let timeout = parked.haveDeadlines ? Self.lookout : -1
        let count = epoll_wait(epoll.descriptor, &event, 1, timeout)
        if parked.haveDeadlines { parked.breakOffLate() }
        guard count == 1 else { continue }
        let descriptor = event.data.fd
        if stops.contains(descriptor) { return finish(buffer) }
        if descriptor == listener {
          acceptSome(buffer)
        } else if let connection = parked.take(descriptor) {
          advance(connection, buffer, isWatched: true)
        }
      }
    }
  }

  /// Answers what has come before the stop, and what is on its way: the rest of requests that have begun, the
  /// first of connections that are new. Others are told that they are too late.
  private func finish(_ buffer: UnsafeMutableRawBufferPointer) {
    ending.set()
    let start = Clock.monotonicNanoseconds
    // One more than what tells of the stop and the listening socket, which are always among them: few, so that every
    // thread has some.
    var events = [epoll_event](repeating: epoll_event(), count: stops.count + 2)
    while Clock.monotonicNanoseconds < start + Self.serveTime {
      let awaited = parked.refuseMore()
      var isIdle = true
      let count = epoll_wait(epoll.descriptor, &events, Int32(events.count), 0)
      for event in events[..<max(0, Int(count))] {
        guard let connection = parked.take(event.data.fd) else { continue }
        isIdle = false
        advanceToEnd(connection, buffer, isWatched: true)
      }
      if Clock.monotonicNanoseconds < start + Self.acceptTime, case .connection(let connection) = accepted() {
        isIdle = false
        advanceToEnd(connection, buffer, isWatched: false)
      }
      guard isIdle else { continue }
      if awaited == 0 || Clock.monotonicNanoseconds > start + Self.finishTime { return }
      usleep(2000)
    }
  }

  /// Serves the connections that wait to be accepted, as epoll tells but once of those that have come; after some of
  /// them has itself told again, so that others have their turn: kept connections, and requests on them.
  private func acceptSome(_ buffer: UnsafeMutableRawBufferPointer) {
    for _ in 0..<Self.acceptBatch {
      switch accepted() {
      case .connection(let connection): advance(connection, buffer, isWatched: false)
      case .none: return
      case .noRoom: return watchListenerAnew()
      }
    }
    watchListenerAnew()
  }

  private enum Accepted {
    case connection(Connection)
    case none
    /// There are some, but no descriptors or memory for them.
    case noRoom
  }

  private func accepted() -> Accepted {
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    while parked.count < maximumConnections {
      let descriptor = accept4(listener, nil, nil, flags)
      if descriptor != -1 { return .connection(Connection(owning: descriptor, ending: ending)) }
      let error = SystemError(call: "accept4")
      switch error.code {
      case EAGAIN: return .none
      // A peer that went away again: accept(2) hands on what is wrong with a connection.
      case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
        ENOPROTOOPT, EOPNOTSUPP:
        continue
      default:
        complain("no connection accepted", error)
        // Out of descriptors or memory: transient, so wait a little rather than spin.
        usleep(10_000)
        return .noRoom
      }
    }
    usleep(10_000)
    return .noRoom
  }

  /// A new connection wakes one thread of one worker process, and once. With a lasting event another thread would be
  /// woken each time a first one takes it.
  private func watchListener() throws(SystemError) {
    try watch(listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue | EPOLLET.rawValue)
  }

  private func watchListenerAnew() {
    // Another thread may do the same.
    _ = epoll_ctl(epoll.descriptor, EPOLL_CTL_DEL, listener, nil)
    try? watchListener()
  }

  /// Serves the request that has come already, if any, then waits for the next in epoll.
  private func advance(
    _ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer, isWatched: Bool
  ) {
    var answered = 0
    repeat {
      switch connection.receive(buffer) {
      case .closed: return
      case .nothing: return park(connection, isWatched: isWatched)
      case .request(let request):
        if answer(request, on: connection) == .close { return }
        answered += 1
      }
    } while connection.hasMore && answered < Self.turn
    park(connection, isWatched: isWatched)
  }

  /// The same while the worker ends: no request is the next.
  private func advanceToEnd(
    _ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer, isWatched: Bool
  ) {
    while true {
      // Nobody keeps the connection, so its peer must not think that it could send anything more.
      if connection.isUsed && !connection.isInTheMiddle { connection.refuseMore() }
      switch connection.receive(buffer) {
      case .closed: return
      case .nothing: return park(connection, isWatched: isWatched)
      case .request(let request):
        connection.refuseMore()
        guard answer(request, on: connection) == .keep else { return }
      }
    }
  }

  private func park(_ connection: Connection, isWatched: Bool) {
    // Once: between this event and the next the connection belongs to one thread. What has been read already gives no
    // event, so that room for an answer stands in for it.
    var interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
    if connection.hasMore { interest |= EPOLLOUT.rawValue }
    let descriptor = connection.socket.descriptor
    // First, as the event may come before the call has returned.
    parked.park(connection)
    do throws(SystemError) {
      try watch(descriptor, interest, change: isWatched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD)
    } catch {
      complain("connection dropped", error)
      _ = parked.take(descriptor)
    }
  }

  private func answer(_ incoming: RequestReader.Incoming, on connection: Connection) -> Connection.Sequel {
    if requestLimit > 0, served.add(1, ordering: .relaxed).newValue == requestLimit {
      kill(getpid(), SIGTERM)
    }
    return connection.answer(incoming) { sink in
      do {
        guard let variables = incoming.variables else {
          let problem = Problem(.requestHeaderFieldsTooLarge, "header fields too large")
          return try problem.response.write(isHead: false, to: sink)
        }
        let request = Request(variables: variables, body: BytesBody(incoming.body))
        try handler(request, incoming.role).write(isHead: request.method == .head, to: sink)
      } catch {
        if !(error is PeerGone) { logger.error("answer broken off", metadata: ["reason": "\(error)"]) }
        throw error
      }
    }
  }

  /// Logs what fails again and again, but no more than once a second.
  private func complain(_ what: String, _ error: SystemError) {
    let now = Clock.monotonicNanoseconds
    let last = lastComplaint.load(ordering: .relaxed)
    guard now > last + 1_000_000_000,
      lastComplaint.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    else { return }
    logger.error("\(what)", metadata: ["reason": "\(error)"])
  }

  private func watch(
    _ descriptor: Int32, _ interest: UInt32, change: Int32 = EPOLL_CTL_ADD
  ) throws(SystemError) {
    var event = epoll_event()
    event.events = interest
    event.data.fd = descriptor
    try retryingOnInterrupt("epoll_ctl") {
      epoll_ctl(epoll.descriptor, change, descriptor, &event)
    }
  }
}
