import CFastCGI
import CGI
import CLinux
import Glibc
import Logging
import POSIX

/// Serves FastCGI connections from a listening socket until told to stop.
///
/// All threads wait on one epoll, for the listening socket, every idle connection, and what ends the worker. A
/// thread is busy only while a request runs: a silent or kept connection costs a descriptor, not a thread.
public final class WorkerLoop: @unchecked Sendable {
  public typealias Handler = @Sendable (Request, Role) -> Response

  /// What an event is about: a tag below any valid address, or a connection's address.
  private enum Tag {
    static let stop: UInt64 = 1
    static let listener: UInt64 = 2
  }

  private let listener: Int32
  private let lifeline: Int32?
  private let threads: Int
  private let handler: Handler
  private let logger: Logger
  private let epoll: FileHandle
  private let signals: FileHandle

  /// - Parameters:
  ///   - listener: a listening socket, 0 as web servers hand it over. Stays the caller's.
  ///   - lifeline: the reading end of a pipe that the supervisor holds open: the worker ends with it.
  ///   - threads: how many requests can run at once.
  /// - Throws: ``SystemError``.
  public init(
    listener: Int32 = 0, lifeline: Int32? = nil, threads: Int, logger: Logger,
    handler: @escaping Handler
  ) throws(SystemError) {
    self.listener = listener
    self.lifeline = lifeline
    self.threads = threads
    self.logger = logger
    self.handler = handler
    // Before any signal handling of ours: it installs handlers of its own.
    FCGX_Init()
    signal(SIGPIPE, SIG_IGN)
    signals = try Self.blockSignals()
    epoll = FileHandle(
      owning: try retryingOnInterrupt("epoll_create1") {
        epoll_create1(Int32(EPOLL_CLOEXEC))
      })
    try retryingOnInterrupt("fcntl") {
      fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK)
    }
    // Exclusive: a new connection wakes one worker process, not all of them.
    try watch(listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue, Tag.listener)
    try watch(signals.descriptor, EPOLLIN.rawValue, Tag.stop)
    if let lifeline { try watch(lifeline, EPOLLIN.rawValue, Tag.stop) }
  }

  /// SIGTERM, SIGINT and SIGUSR1 (libfcgi's word for a gentle stop) as a descriptor that becomes readable.
  ///
  /// It is never read, so it stays readable, and every thread that comes to wait finds out. A handler
  /// could not do that: the signal would meet one thread, perhaps between looking and waiting.
  private static func blockSignals() throws(SystemError) -> FileHandle {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in [SIGTERM, SIGINT, SIGUSR1] { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    return FileHandle(
      owning: try retryingOnInterrupt("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
  }

  /// Serves until SIGTERM, SIGINT, SIGUSR1 or the end of the lifeline; requests in flight are answered first.
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
    var event = epoll_event()
    while true {
      guard epoll_wait(epoll.descriptor, &event, 1, -1) == 1 else { continue }
      switch event.data.u64 {
      case Tag.stop: return finish()
      case Tag.listener: acceptConnection()
      case let tag: advance(connection(tag), isWatched: true)
      }
    }
  }

  /// How long requests that had come before the stop are taken on. Nanoseconds.
  private static let finishTime: UInt64 = 1_000_000_000

  /// Answers the requests that had come before the stop, one on each connection: those on connections that are
  /// watched, then those that wait to be accepted.
  private func finish() {
    let deadline = Clock.monotonicNanoseconds + Self.finishTime
    while Clock.monotonicNanoseconds < deadline, let last = watchedWithData() ?? accepted() {
      last.expectPromptPeer()
      if last.readiness() == .data { _ = last.serve(answer) }
    }
  }

  /// A connection on which something has come; the others are left for other threads.
  private func watchedWithData() -> Connection? {
    // More than one, as what tells of the stop is always among them.
    var events = [epoll_event](repeating: epoll_event(), count: 8)
    let count = epoll_wait(epoll.descriptor, &events, Int32(events.count), 0)
    let tags = events[..<max(0, Int(count))].map(\.data.u64).filter { $0 > Tag.listener }
    guard let first = tags.first else { return nil }
    for tag in tags.dropFirst() {
      let connection = connection(tag)
      watchAgain(connection, isWatched: true)
    }
    return connection(first)
  }

  private func connection(_ tag: UInt64) -> Connection {
    Unmanaged<Connection>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(tag))!).takeRetainedValue()
  }

  private func acceptConnection() {
    if let connection = accepted() { advance(connection, isWatched: false) }
  }

  private func accepted() -> Connection? {
    let descriptor = accept(listener, nil, nil)
    if descriptor != -1 { return Connection(owning: descriptor) }
    // Out of descriptors or memory: transient, so wait a little rather than spin. All else is a peer that
    // went away, or another thread that was faster.
    if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) {
      logger.error("no connection accepted", metadata: ["reason": "\(SystemError(call: "accept"))"])
      usleep(10_000)
    }
    return nil
  }

  /// Serves the request that has come already, if any, then waits for the next in epoll.
  private func advance(_ connection: Connection, isWatched: Bool) {
    switch connection.readiness() {
    case .closed: return
    case .nothing: break
    case .data:
      guard connection.serve(answer) else { return }
    }
    watchAgain(connection, isWatched: isWatched)
  }

  private func watchAgain(_ connection: Connection, isWatched: Bool) {
    // Once: between this event and the next the connection belongs to one thread.
    let interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
    let retained = Unmanaged.passRetained(connection)
    let tag = UInt64(UInt(bitPattern: retained.toOpaque()))
    do throws(SystemError) {
      try watch(
        connection.descriptor, interest, tag, change: isWatched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD)
    } catch {
      logger.error("connection dropped", metadata: ["reason": "\(error)"])
      retained.release()
    }
  }

  private func answer(_ request: Request, _ role: Role, _ sink: @escaping Response.Sink) throws {
    do {
      try handler(request, role).write(isHead: request.method == .head, to: sink)
    } catch {
      if !(error is PeerGone) {
        logger.error("answer broken off", metadata: ["reason": "\(error)"])
      }
      throw error
    }
  }

  private func watch(
    _ descriptor: Int32, _ interest: UInt32, _ tag: UInt64, change: Int32 = EPOLL_CTL_ADD
  ) throws(SystemError) {
    var event = epoll_event()
    event.events = interest
    event.data.u64 = tag
    try retryingOnInterrupt("epoll_ctl") {
      epoll_ctl(epoll.descriptor, change, descriptor, &event)
    }
  }
}
