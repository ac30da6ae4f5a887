import CGI
import Glibc
import Logging
import POSIX
import Synchronization

// The module FastCGI owns the protocol, the connections, and the worker loop with its lanes. It passes each request
// to a handler as a CGI.Request. It doesn't know authentication, nor how the process is started and supervised; what
// it needs of the latter is in WorkerControl.swift.

/// Serves FastCGI connections from a listening socket until the worker must stop.
///
/// All threads wait on one epoll instance for the listening socket, the parked connections and the stop descriptors.
/// A request runs once it has completely arrived. No thread waits for a peer, so a silent, kept or slow connection
/// costs a descriptor and no thread.
///
/// Each lane has a capacity of its own. Requests of ``Lane/blocking`` leave about a quarter of the threads free and
/// queue without a thread, so that requests of ``Lane/immediate`` always find one. Requests of ``Lane/hashing`` run
/// on threads of their own, of low priority.
public final class WorkerLoop: Sendable {
  public typealias Handler = @Sendable (Request, Role) -> Work

  /// A thread's read buffer. Bytes.
  private static let bufferSize = 65536
  /// How often threads check deadlines while there are any. Milliseconds.
  private static let deadlineCheckInterval: Int32 = 1000
  /// How many requests may wait for a thread.
  private static let blockingCapacity = 4096
  /// The share of the descriptors that waiting requests may hold: one in this many.
  private static let waitingShare = 2
  /// How many passwords may wait: a few seconds of hashing.
  private static let hashingCapacity = 128

  let listener: Int32
  private let threadCount: Int
  let requestLimit: Int
  private let heartbeat: (any LivenessReport)?
  let handler: Handler
  let log: LimitedLog
  let stop: any StopRequest
  private let stopDescriptors: [Int32]
  let events: EventQueue
  let acceptor: Acceptor
  let parked = ParkedConnections()
  let blocking: JobQueue
  let hashing: JobQueue
  let served = Atomic<Int>(0)
  private let stopDeadlines: StopDeadlines
  private let threads = Monitor<[pthread_t]>([])
  /// Threads wait for this, so that none serves before all have started.
  private let isStarted = Monitor(false)

  /// - Parameters:
  ///   - listener: a listening socket, which the caller keeps. Web servers pass descriptor 0 (FastCGI specification,
  ///     section 2.2).
  ///   - stop: says when the worker must stop.
  ///   - threads: the number of threads that serve; at least 2 are started.
  ///   - hashingLimit: how many passwords are hashed at once; 0 for half of the threads, but at least one.
  ///   - requestLimit: after this many requests, the worker stops gracefully by itself; 0 is no limit.
  ///   - heartbeat: receives the threads' sign of life.
  ///   - handler: returns the work that answers a request. It is called on the threads that serve, and must not
  ///     block.
  /// - Throws: ``SystemError`` (`epoll_create1`, `epoll_ctl`, `fcntl`).
  public init(
    listener: Int32 = 0, stop: any StopRequest, threads: Int, hashingLimit: Int = 0,
    requestLimit: Int = 0, heartbeat: (any LivenessReport)? = nil, logger: Logger, handler: @escaping Handler
  ) throws(SystemError) {
    self.listener = listener
    self.stop = stop
    stopDescriptors = stop.descriptors
    self.requestLimit = requestLimit
    self.heartbeat = heartbeat
    self.handler = handler
    threadCount = max(threads, 2)
    blocking = JobQueue(
      limit: threadCount - max(1, threadCount / 4),
      capacity: min(Self.blockingCapacity, Limits.raiseDescriptors() / Self.waitingShare))
    hashing = JobQueue(
      limit: hashingLimit > 0 ? hashingLimit : max(1, threads / 2), capacity: Self.hashingCapacity)
    log = LimitedLog(logger)
    signal(SIGPIPE, SIG_IGN)
    stopDeadlines = StopDeadlines(stop)
    events = try EventQueue()
    acceptor = try Acceptor(listener, parked: parked, log: log)
    try events.watchListener(listener)
    for descriptor in stopDescriptors { try events.watch(descriptor) }
  }

  /// Starts the threads.
  /// - Throws: ``SystemError`` (`pthread_create`) if not all of them start. The process must end then.
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

  /// Blocks until the worker must stop, and then until requests in flight are answered or ``StopDeadlines`` expire.
  /// It returns although a thread hangs.
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
        checkDeadlines()
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
      isTimed || !events.isListening ? Self.deadlineCheckInterval : .max, heartbeat?.milliseconds ?? .max
    ).asTimeout
  }

  private func checkDeadlines() {
    beat()
    events.retryListening(listener) { log.error("epoll can't watch the listening socket, trying again", $0) }
    if parked.haveDeadlines { parked.disconnectOverdue() }
    for connection in blocking.removeExpired() + hashing.removeExpired() { refuse(connection) }
  }

  func beat() { heartbeat?.beat() }
}

extension Int32 {
  /// A timeout of `epoll_wait(2)`: -1 waits without limit.
  fileprivate var asTimeout: Int32 { self == .max ? -1 : self }
}
