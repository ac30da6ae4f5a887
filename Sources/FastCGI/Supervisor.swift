import Glibc
import Logging
import POSIX

/// Runs worker processes on one listening socket: starts them, replaces one that dies, turns them over when the
/// configuration changes, stops them all.
public final class Supervisor {
  /// Workers answer what they have begun and end within 2 s; whoever doesn't is ended. Seconds.
  private static let stopTimeout = 5.0
  /// A worker that fails younger than this is replaced after a pause, which doubles each time; one that
  /// somebody killed is replaced at once. Seconds.
  private static let youth = 1.0
  private static let pauses = 0.1...5.0

  private static let stopSignals = [SIGTERM, SIGINT, SIGQUIT]

  private struct Worker {
    let process: pid_t
    let started: Double
    let generation: Int
    var isReady = false
  }

  /// One of the workers that there are to be.
  private struct Slot {
    var worker: Worker?
    /// The one that takes its place once it is ready.
    var successor: Worker?
    var pause = 0.0
    var nextStart = 0.0
  }

  private let socket: ListeningSocket
  private let makeLaunch: () throws -> WorkerLaunch
  private let manager: ServiceManager
  private let logger: Logger
  private var slots: [Slot]
  /// Workers that were told to end, and when they are ended.
  private var retiring: [pid_t: Double] = [:]
  private var generation = 0
  private var isReady = false

  /// - Parameters:
  ///   - count: how many workers.
  ///   - makeLaunch: reads and checks the configuration; asked at the start, and again at every SIGHUP.
  public init(
    socket: ListeningSocket, count: Int, manager: ServiceManager, logger: Logger,
    makeLaunch: @escaping () throws -> WorkerLaunch
  ) {
    self.socket = socket
    self.makeLaunch = makeLaunch
    self.manager = manager
    self.logger = logger
    slots = Array(repeating: Slot(), count: count)
  }

  /// Runs until SIGTERM, SIGINT or SIGQUIT, and until every worker has ended then. SIGHUP turns the workers over,
  /// one by one, to a configuration read anew; where that is bad, all stays as it was.
  /// - Throws: what `makeLaunch` throws at the start; ``SystemError``.
  public func run() throws {
    let listening = socket
    defer { listening.remove() }
    let signals = try SignalQueue(Self.stopSignals + [SIGHUP, SIGCHLD])
    // Whoever started us may ignore it, and the kernel would then keep no ended worker for us to find.
    signal(SIGCHLD, SIG_DFL)
    // A log that nobody reads any more must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let lifeline = try Pipe()
    let ready = try Pipe()
    // Holding the writing end is the lifeline: it closes whatever ends this process, kill -9 included.
    try withExtendedLifetime(lifeline.writing) {
      let socket = try WorkerLaunch.movedUp(socket.handle)
      var launch = try makeLaunch()
      func start() throws(SystemError) -> Worker {
        let process = try launch.start(socket: socket, lifeline: lifeline.reading, ready: ready.writing)
        return Worker(process: process, started: Self.now, generation: generation)
      }
      for index in slots.indices { slots[index].worker = try start() }
      while true {
        let came = signals.wait(seconds: secondsToNextStep(), or: ready.reading)
        if came.contains(where: Self.stopSignals.contains) { break }
        noteReady(ready.readNumbers())
        reap()
        if came.contains(SIGHUP) { reload(&launch) }
        for index in slots.indices { advance(index, start) }
        endLate()
        tellWhenReady()
      }
      // From now on nobody finds the way in; who has is answered.
      listening.remove()
      stop {
        _ = signals.wait(seconds: $0, or: ready.reading)
        _ = ready.readNumbers()
      }
    }
  }

  // MARK: - Turning over

  private func reload(_ launch: inout WorkerLaunch) {
    manager.tellReloading()
    isReady = false
    do {
      launch = try makeLaunch()
      generation += 1
      logger.notice("configuration reloaded, turning workers over")
    } catch {
      logger.error("configuration not reloaded", metadata: ["reason": "\(error)"])
    }
  }

  /// Takes a slot one step further: starts what is missing, lets go what has been replaced.
  private func advance(_ index: Int, _ start: () throws(SystemError) -> Worker) {
    if let successor = slots[index].successor, successor.isReady {
      if let worker = slots[index].worker { retire(worker) }
      slots[index].worker = successor
      slots[index].successor = nil
      slots[index].pause = 0
    }
    guard slots[index].nextStart <= Self.now else { return }
    do throws(SystemError) {
      if slots[index].worker == nil {
        slots[index].worker = try start()
      } else if slots[index].worker?.generation != generation, !slots.contains(where: { $0.successor != nil })
      {
        // One at a time, so that nearly all are serving all the while.
        slots[index].successor = try start()
      }
    } catch {
      logger.error("worker not started", metadata: ["reason": "\(error)"])
      postpone(index)
    }
  }

  private func retire(_ worker: Worker) {
    kill(worker.process, SIGTERM)
    retiring[worker.process] = Self.now + Self.stopTimeout
  }

  private func endLate() {
    for (process, deadline) in retiring where deadline <= Self.now { kill(process, SIGKILL) }
  }

  private func tellWhenReady() {
    guard !isReady,
      slots.allSatisfy({
        $0.successor == nil && $0.worker?.isReady == true && $0.worker?.generation == generation
      })
    else { return }
    isReady = true
    manager.tellReady()
    logger.notice("serving", metadata: ["address": "\(socket)", "workers": "\(slots.count)"])
  }

  private func noteReady(_ processes: [pid_t]) {
    for index in slots.indices {
      if let worker = slots[index].worker, processes.contains(worker.process) {
        slots[index].worker!.isReady = true
      }
      if let successor = slots[index].successor, processes.contains(successor.process) {
        slots[index].successor!.isReady = true
      }
    }
  }

  // MARK: - Workers that end

  private func secondsToNextStep() -> Double {
    let starts = slots.filter { $0.worker == nil || $0.nextStart > Self.now }.map(\.nextStart)
    return max(0, ((starts + retiring.values).min() ?? .infinity) - Self.now)
  }

  private func reap() {
    var status: Int32 = 0
    while case let process = waitpid(-1, &status, WNOHANG), process > 0 {
      let isExpected = retiring.removeValue(forKey: process) != nil
      logger.log(
        level: isExpected || status == 0 ? .info : .warning, "worker ended",
        metadata: ["process": "\(process)", "status": "\(Self.describe(status))"])
      for index in slots.indices {
        for path in [\Slot.worker, \Slot.successor] where slots[index][keyPath: path]?.process == process {
          let age = Self.now - slots[index][keyPath: path]!.started
          slots[index][keyPath: path] = nil
          if age < Self.youth && status != 0 && status & 0x7f != SIGKILL {
            postpone(index)
          } else {
            slots[index].pause = 0
            slots[index].nextStart = 0
          }
        }
      }
    }
  }

  private func postpone(_ index: Int) {
    let pause = slots[index].pause
    slots[index].pause = min(max(pause * 2, Self.pauses.lowerBound), Self.pauses.upperBound)
    slots[index].nextStart = Self.now + slots[index].pause
  }

  private func stop(_ wait: (Double) -> Void) {
    manager.tellStopping()
    for worker in slots.flatMap({ [$0.worker, $0.successor] }).compactMap({ $0 }) { retire(worker) }
    while !retiring.isEmpty {
      let rest = (retiring.values.min() ?? 0) - Self.now
      if rest <= 0 { endLate() }
      wait(max(rest, 0.1))
      reap()
    }
  }

  /// Seconds, by a clock that is never set back.
  private static var now: Double { Double(Clock.monotonicNanoseconds) / 1e9 }

  private static func describe(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

/// A pipe between this process and its workers.
private struct Pipe {
  let reading: FileHandle
  let writing: FileHandle

  init() throws(SystemError) {
    var ends: [Int32] = [0, 0]
    try retryingOnInterrupt("pipe") { pipe(&ends) }
    reading = try WorkerLaunch.movedUp(FileHandle(owning: ends[0]))
    writing = try WorkerLaunch.movedUp(FileHandle(owning: ends[1]))
    try retryingOnInterrupt("fcntl") { [reading] in fcntl(reading.descriptor, F_SETFL, O_NONBLOCK) }
  }

  /// The process numbers that workers have written.
  func readNumbers() -> [pid_t] {
    var numbers: [pid_t] = []
    var number: pid_t = 0
    let size = MemoryLayout<pid_t>.size
    while read(reading.descriptor, &number, size) == size { numbers.append(number) }
    return numbers
  }
}
