import Glibc
import Logging
import POSIX

/// Runs worker processes on one listening socket: starts them, replaces one that dies, stops them all.
public final class Supervisor {
  /// What tells a worker which descriptor is its lifeline.
  public static let lifelineVariable = "PICO_AUTH_LIFELINE"
  private static let lifelineDescriptor: Int32 = 3
  /// Workers answer what they have begun and end within 2 s; whoever doesn't is ended. Seconds.
  private static let stopTimeout = 5.0
  /// A worker that fails younger than this is replaced after a pause, which doubles each time; one that
  /// somebody killed is replaced at once. Seconds.
  private static let youth = 1.0
  private static let pauses = 0.1...5.0

  private static let stopSignals = [SIGTERM, SIGINT, SIGHUP, SIGQUIT]

  private struct Worker {
    var process: pid_t?
    var started = 0.0
    var pause = 0.0
    var nextStart = 0.0
  }

  private let socket: ListeningSocket
  private let environment: [String: String]
  private let logger: Logger
  private var workers: [Worker]
  private let watched: sigset_t

  /// - Parameters:
  ///   - environment: the workers', besides the lifeline.
  ///   - count: how many workers.
  public init(
    socket: ListeningSocket, environment: [String: String], count: Int, logger: Logger
  ) {
    self.socket = socket
    self.environment = environment
    self.logger = logger
    workers = Array(repeating: Worker(), count: count)
    var set = sigset_t()
    sigemptyset(&set)
    for signal in Self.stopSignals + [SIGCHLD] { sigaddset(&set, signal) }
    watched = set
  }

  /// Runs until SIGTERM, SIGINT, SIGHUP or SIGQUIT, and until every worker has ended then.
  /// - Throws: ``SystemError`` where no worker can be started at all.
  public func run() throws(SystemError) {
    // Waited for rather than handled, so that none is missed between looking and waiting.
    var set = watched
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // Whoever started us may ignore it, and the kernel would then keep no ended worker for us to find.
    signal(SIGCHLD, SIG_DFL)
    // A log that nobody reads any more must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let (reading, writing) = try Self.pipe()
    // Holding the writing end is the lifeline: it closes whatever ends this process, kill -9 included.
    try withExtendedLifetime(writing) { () throws(SystemError) in
      for index in workers.indices { try start(index, lifeline: reading) }
      logger.notice(
        "serving", metadata: ["address": "\(socket.address)", "workers": "\(workers.count)"])
      supervise(lifeline: reading)
      stop()
    }
    socket.remove()
  }

  private func supervise(lifeline: FileHandle) {
    while true {
      let signal = waitForSignal(seconds: secondsToNextStart())
      if Self.stopSignals.contains(signal) { return }
      reap()
      let now = Self.now
      for index in workers.indices
      where workers[index].process == nil && workers[index].nextStart <= now {
        do throws(SystemError) {
          try start(index, lifeline: lifeline)
        } catch {
          logger.error("worker not started", metadata: ["reason": "\(error)"])
          postpone(index)
        }
      }
    }
  }

  private func secondsToNextStart() -> Double {
    let starts = workers.filter { $0.process == nil }.map(\.nextStart)
    return max(0, (starts.min() ?? .infinity) - Self.now)
  }

  /// - Returns: the signal; 0 where the time ran out.
  private func waitForSignal(seconds: Double) -> Int32 {
    var set = watched
    let bounded = min(seconds, 3600)
    var time = timespec(
      tv_sec: Int(bounded), tv_nsec: Int(bounded.truncatingRemainder(dividingBy: 1) * 1e9))
    return max(0, sigtimedwait(&set, nil, &time))
  }

  private func reap() {
    var status: Int32 = 0
    while case let process = waitpid(-1, &status, WNOHANG), process > 0 {
      guard let index = workers.firstIndex(where: { $0.process == process }) else { continue }
      workers[index].process = nil
      logger.log(
        level: status == 0 ? .info : .warning, "worker ended",
        metadata: ["process": "\(process)", "status": "\(Self.describe(status))"])
      if Self.now - workers[index].started < Self.youth && status & 0x7f != SIGKILL {
        postpone(index)
      } else {
        workers[index].pause = 0
        workers[index].nextStart = 0
      }
    }
  }

  private func postpone(_ index: Int) {
    let pause = workers[index].pause
    workers[index].pause = min(max(pause * 2, Self.pauses.lowerBound), Self.pauses.upperBound)
    workers[index].nextStart = Self.now + workers[index].pause
  }

  private func stop() {
    for process in workers.compactMap(\.process) { kill(process, SIGTERM) }
    let deadline = Self.now + Self.stopTimeout
    while workers.contains(where: { $0.process != nil }) {
      let rest = deadline - Self.now
      if rest <= 0 {
        for process in workers.compactMap(\.process) { kill(process, SIGKILL) }
      }
      _ = waitForSignal(seconds: max(rest, 0.1))
      reap()
    }
  }

  /// Starts a worker: this program again, with the socket as descriptor 0. `posix_spawn(3)`.
  private func start(_ index: Int, lifeline: FileHandle) throws(SystemError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, socket.handle.descriptor, 0)
    posix_spawn_file_actions_adddup2(&actions, lifeline.descriptor, Self.lifelineDescriptor)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var environment = environment
    environment[Self.lifelineVariable] = "\(Self.lifelineDescriptor)"
    // The second word is for whoever reads the process list; a worker looks at descriptor 0 alone.
    let arguments = CStrings(["pico-auth", "worker"])
    let variables = CStrings(environment.map { "\($0.key)=\($0.value)" })
    var process = pid_t()
    let result = posix_spawn(
      &process, "/proc/self/exe", &actions, &attributes, arguments.pointer, variables.pointer)
    guard result == 0 else { throw SystemError(call: "posix_spawn", code: result) }
    workers[index].process = process
    workers[index].started = Self.now
  }

  private static func pipe() throws(SystemError) -> (reading: FileHandle, writing: FileHandle) {
    var ends: [Int32] = [0, 0]
    try retryingOnInterrupt("pipe") { Glibc.pipe(&ends) }
    let handles = (FileHandle(owning: ends[0]), FileHandle(owning: ends[1]))
    for end in ends { try retryingOnInterrupt("fcntl") { fcntl(end, F_SETFD, FD_CLOEXEC) } }
    return handles
  }

  /// Seconds, by a clock that is never set back.
  private static var now: Double { Double(Clock.monotonicNanoseconds) / 1e9 }

  private static func describe(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

/// Strings as C wants them: an array of pointers with nil at the end.
private final class CStrings {
  let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [String]) {
    count = strings.count
    pointer = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { pointer[index] = strdup(string) }
    pointer[strings.count] = nil
  }

  deinit {
    for index in 0..<count { free(pointer[index]) }
    pointer.deallocate()
  }
}
