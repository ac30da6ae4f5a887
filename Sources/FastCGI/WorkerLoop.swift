import CGI
import CLinux
import Glibc
import HTTPTypes
import Logging
import POSIX
import Synchronization

// FastCGI: the protocol, connections, and the worker loop with its lanes. It hands each request on as a CGI.Request and
// knows neither authentication nor who supervises the process (WorkerControl.swift).

/// Serves FastCGI connections from a listening socket until told to stop.
///
/// All threads wait on one epoll, for the listening socket, every parked connection, and what ends the worker. A
/// request runs once all of it is there, and no thread waits for a peer: connections that are silent, kept or slow
/// cost a descriptor. Requests of ``Lane/blocking`` run on a part of the threads at most, and queue outside of a
/// thread when these are busy, so that requests of ``Lane/immediate`` always find one. Requests of ``Lane/hashing``
/// have a thread of their own, which gives way to the others.
public final class WorkerLoop: Sendable {
  public typealias Handler = @Sendable (Request, Role) -> Work

  /// How many bytes a thread reads at a time.
  private static let bufferSize = 65536
  /// How often late connections and requests are looked for. Milliseconds.
  private static let lateCheckInterval: Int32 = 1000
  /// How many requests that have come at once on a connection are answered before others have their turn.
  private static let turn = 32
  /// How many new connections a thread serves before it looks at those there are.
  private static let acceptBatch = 8
  /// How many requests may wait for a thread.
  private static let blockingCapacity = 4096
  /// Of the descriptors there are, how many requests that wait may hold: one in so many.
  private static let waitingShare = 2
  /// How many may hash at once, and how many may wait for that: some seconds' worth. Workers are many, processors few.
  private static let hashers = 1
  private static let hashingCapacity = 128

  private let listener: Int32
  private let threadCount: Int
  private let requestLimit: Int
  private let heartbeat: (any LivenessReport)?
  private let handler: Handler
  let log: LimitedLog
  private let stop: any StopRequest
  private let stopDescriptors: [Int32]
  let events: EventQueue
  let acceptor: Acceptor
  let parked = ParkedConnections()
  let blocking: JobQueue
  let hashing: JobQueue
  private let served = Atomic<Int>(0)
  private let stopDeadlines: StopDeadlines
  private let threads = Monitor<[pthread_t]>([])
  /// No thread serves before all are there.
  private let isStarted = Monitor(false)

  /// - Parameters:
  ///   - listener: a listening socket, 0 as web servers hand it over. Stays the caller's.
  ///   - stop: tells when the worker is to end.
  ///   - threads: how many threads serve; there are two at least.
  ///   - requestLimit: how many requests are served before the worker ends by itself; 0 for any number.
  ///   - heartbeat: hears that the threads make progress.
  /// - Throws: ``SystemError``.
  public init(
    listener: Int32 = 0, stop: any StopRequest, threads: Int, requestLimit: Int = 0,
    heartbeat: (any LivenessReport)? = nil, logger: Logger, handler: @escaping Handler
  ) throws(SystemError) {
    self.listener = listener
    self.stop = stop
    stopDescriptors = stop.descriptors
    self.requestLimit = requestLimit
    self.heartbeat = heartbeat
    self.handler = handler
    threadCount = max(threads, 2)
    // A quarter of the threads never waits.
    blocking = JobQueue(
      limit: threadCount - max(1, threadCount / 4),
      capacity: min(Self.blockingCapacity, Limits.raiseDescriptors() / Self.waitingShare))
    hashing = JobQueue(limit: Self.hashers, capacity: Self.hashingCapacity)
    log = LimitedLog(logger)
    signal(SIGPIPE, SIG_IGN)
    stopDeadlines = StopDeadlines(stop)
    events = try EventQueue()
    acceptor = try Acceptor(listener, parked: parked, log: log)
    try events.watchListener(listener)
    for descriptor in stopDescriptors { try events.watch(descriptor) }
  }

  /// Starts the threads.
  /// - Throws: ``SystemError`` (`pthread_create`) where not all of them can be had; the process is to end then.
  public func start() throws(SystemError) {
    for _ in 0..<threadCount {
      let thread = try Thread.start { [self] in
        isStarted.wait { $0 ? () : nil }
        serve()
      }
      threads.withLock { $0.append(thread) }
    }
    isStarted.withLock { $0 = true }
    isStarted.wake()
  }

  /// Waits until the worker is to stop or has served as many requests as it may, and then until requests in flight are
  /// answered, for as long as ``StopDeadlines`` allows. A thread that hangs doesn't keep the process from ending.
  public func waitUntilStopped() {
    stop.wait()
    heartbeat?.reportStop()
    var threads = threads.withLock { $0 }
    while !threads.isEmpty || !hashing.isIdle {
      beat()
      if stopDeadlines.haveExpired { return }
      let slice = Clock.monotonicNanoseconds + 50_000_000
      if let thread = threads.last {
        if Thread.join(thread, until: slice) { threads.removeLast() }
      } else {
        usleep(2000)
      }
    }
  }

  private func serve() {
    withUnsafeTemporaryAllocation(byteCount: Self.bufferSize, alignment: 16) { buffer in
      while true {
        let descriptor = events.wait(milliseconds: timeout)
        lookForLate()
        guard let descriptor else { continue }
        if stopDescriptors.contains(descriptor) { return WorkerStop(self, stopDeadlines).run(buffer) }
        if descriptor == listener {
          acceptSome(buffer)
        } else if let connection = parked.take(descriptor), advance(connection, buffer) == .run {
          runJobs(connection)
        }
      }
    }
  }

  private var timeout: Int32 {
    let isTimed = parked.haveDeadlines || hasWaiting
    return min(
      isTimed || !events.isListening ? Self.lateCheckInterval : .max, heartbeat?.milliseconds ?? .max
    ).orForever
  }

  private func lookForLate() {
    beat()
    events.retryListening(listener) { log.error("listening socket not watched", $0) }
    if parked.haveDeadlines { parked.breakOffLate() }
    for connection in blocking.removeExpired() + hashing.removeExpired() { refuse(connection) }
  }

  func beat() { heartbeat?.beat() }

  // MARK: - Connections

  /// Serves the connections that wait to be accepted, as epoll tells but once of those that have come; after some of
  /// them has itself told again, so that others have their turn: kept connections, and requests on them.
  private func acceptSome(_ buffer: UnsafeMutableRawBufferPointer) {
    for _ in 0..<Self.acceptBatch {
      switch acceptor.accept() {
      case .connection(let connection):
        guard advance(connection, buffer) == .run else { continue }
        // Others may come while this one is waited for.
        events.watchListenerAnew(listener)
        return runJobs(connection)
      case .none: return
      case .noRoom: return events.watchListenerAnew(listener)
      }
    }
    events.watchListenerAnew(listener)
  }

  /// What the caller is to do with a connection that has advanced.
  enum Outcome {
    /// Nothing: it is closed, parked or queued.
    case done
    /// To run its job: ``runJobs(_:)``.
    case run
  }

  /// Goes as far as a connection can without waiting: answers what can be answered at once, queues what can't, and
  /// leaves the connection to epoll.
  func advance(_ connection: Connection, _ buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    for _ in 0..<Self.turn {
      switch connection.proceed(buffer) {
      case .closed: return .done
      case .wait:
        park(connection)
        return .done
      case .stream: return admit(connection, to: blocking)
      case .job: return admit(connection, to: blocking)
      case .request(let incoming):
        let job = job(for: incoming)
        guard job.work.lane == .immediate else {
          connection.job = job
          return admit(connection, to: job.work.lane == .hashing ? hashing : blocking)
        }
        switch Waiting.forbidden(job.work.run) {
        case .response(let response): connection.answer(job, with: response)
        case .next(let rest):
          connection.job = job.going(on: rest)
          return admit(connection, to: blocking)
        }
      }
    }
    park(connection)
    return .done
  }

  private func admit(_ connection: Connection, to queue: JobQueue) -> Outcome {
    switch queue.admit(connection) {
    case .run where queue === blocking: return .run
    case .run: startHashing(connection)
    case .queued: break
    case .refused: refuse(connection)
    }
    return .done
  }

  private func job(for incoming: RequestReader.Incoming) -> Connection.Job {
    if requestLimit > 0, served.add(1, ordering: .relaxed).newValue == requestLimit {
      stop.stopGracefully()
    }
    guard let variables = incoming.variables else {
      let problem = Problem(.requestHeaderFieldsTooLarge, "header fields too large")
      return Connection.Job(
        request: incoming, work: Work(lane: .immediate) { .response(problem.response) }, isHead: false)
    }
    let request = Request(variables: variables, body: BytesBody(incoming.body))
    return Connection.Job(
      request: incoming, work: handler(request, incoming.role), isHead: request.method == .head)
  }

  /// Leaves a connection to epoll, until its peer has sent or taken something.
  func park(_ connection: Connection) {
    let descriptor = connection.socket.descriptor
    let interest = connection.interest
    let isKnown = connection.isWatched
    connection.isWatched = true
    // First, as the event may come before the call has returned.
    parked.park(connection)
    do throws(SystemError) {
      try events.watch(descriptor, once: interest, isKnown: isKnown)
    } catch {
      log.error("connection dropped", error)
      _ = parked.take(descriptor)
    }
  }
}

extension Int32 {
  /// As epoll has it: -1 waits for ever.
  fileprivate var orForever: Int32 { self == .max ? -1 : self }
}
