import Glibc
import Logging
import POSIX

/// Runs worker processes on one listening socket: starts them, replaces one that dies or hangs, replaces them all when
/// the configuration changes, stops them all.
public final class Supervisor {
  /// Workers answer what they have begun and end within 2 s; the supervisor kills those that don't. Seconds.
  private static let stopTimeout = 5.0
  /// A killed process ends at once unless the kernel waits for a device on its behalf. Seconds.
  private static let killTimeout = 2.0
  /// A worker may take this many times its timeout to start: it may have much to read.
  private static let startAllowance = 10.0
  /// A worker that fails earlier than this is replaced after a back-off, which doubles each time; one that
  /// somebody killed is replaced at once. Seconds.
  private static let earlyFailure = 1.0
  private static let backOff = 0.1...5.0

  private static let stopSignals = [SIGTERM, SIGINT, SIGQUIT]

  private struct Worker {
    let process: pid_t
    let started: Double
    let generation: Int
    /// When it last told that it is alive. Seconds; nil before it is ready.
    var lastHeartbeat: Double?

    var isReady: Bool { lastHeartbeat != nil }

    /// Whether it has been silent for longer than it may.
    func hangs(at now: Double, timeout: Double) -> Bool {
      lastHeartbeat.map { now > $0 + timeout } ?? (now > started + timeout * Supervisor.startAllowance)
    }
  }

  /// One of the workers that there are to be.
  private struct Slot {
    var worker: Worker?
    /// The one that takes its place once it is ready.
    var successor: Worker?
    var backOff = 0.0
    var nextStart = 0.0
  }

  private let socket: ListeningSocket
  private let makeLaunch: () throws -> WorkerLaunch
  private let manager: ServiceManager
  private let logger: Logger
  private var slots: [Slot]
  /// Workers that were told to end, and when they are killed; infinite once they were.
  private var retiring: [pid_t: Double] = [:]
  private var generation = 0
  private var isReady = false
  /// When this process last came round, and when the service manager is to hear of it again. Seconds.
  private var lastRound = Supervisor.now
  private var nextSignOfLife = 0.0

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

  /// Runs until SIGTERM, SIGINT or SIGQUIT, and until every worker has ended then. SIGHUP replaces the workers, one by
  /// one, by such with the configuration read anew; where that is bad, all stays as it was.
  /// - Throws: what `makeLaunch` throws at the start; ``SystemError``.
  public func run() throws {
    let listening = socket
    defer { listening.remove() }
    let signals = try SignalQueue(Self.stopSignals + [SIGHUP, SIGCHLD])
    // Whoever started us may ignore it, and the kernel would then keep no ended worker for us to find.
    signal(SIGCHLD, SIG_DFL)
    // A log that nobody reads any more must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let lifeline = try WorkerPipe()
    let heartbeats = try WorkerPipe()
    // Holding the writing end is the lifeline: it closes whatever ends this process, kill -9 included.
    try withExtendedLifetime(lifeline.writing) {
      let socket = try WorkerLaunch.movedUp(socket.handle)
      var launch = try makeLaunch()
      func start() throws(SystemError) -> Worker {
        let process = try launch.start(
          socket: socket, lifeline: lifeline.reading, heartbeats: heartbeats.writing)
        return Worker(process: process, started: Self.now, generation: generation)
      }
      for index in slots.indices { slots[index].worker = try start() }
      while true {
        let came = signals.wait(seconds: secondsToNextStep(launch.timeout), or: heartbeats.reading)
        if came.contains(where: Self.stopSignals.contains) { break }
        note(heartbeats: heartbeats.readNumbers())
        reap()
        if came.contains(SIGHUP) { reload(&launch) }
        if let timeout = launch.timeout { endHanging(timeout) }
        for index in slots.indices { advance(index, start) }
        endLate()
        tellManager()
      }
      // From now on nobody finds the way in; who has is answered.
      listening.remove()
      stop {
        _ = signals.wait(seconds: $0, or: heartbeats.reading)
        _ = heartbeats.readNumbers()
      }
    }
  }

  // MARK: - Starting and replacing

  private func reload(_ launch: inout WorkerLaunch) {
    manager.tellReloading()
    isReady = false
    do {
      launch = try makeLaunch()
      generation += 1
      logger.notice("configuration reloaded, replacing workers")
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
      slots[index].backOff = 0
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

  /// Has a worker that was replaced answer what it has begun.
  private func retire(_ worker: Worker) {
    Glibc.kill(worker.process, SIGUSR1)
    retiring[worker.process] = Self.now + Double(StopTimes.gentleTime) / 1e9 + Self.stopTimeout
  }

  /// Kills workers that don't end, once each.
  private func endLate() {
    for (process, deadline) in retiring where deadline <= Self.now {
      logger.error("worker doesn't stop, killed", metadata: ["process": "\(process)"])
      kill(process)
    }
  }

  /// It may take the kernel long to end it, so nobody waits for that.
  private func kill(_ process: pid_t) {
    Glibc.kill(process, SIGKILL)
    retiring[process] = .infinity
  }

  /// Kills workers that were silent for too long; others take their places at once.
  private func endHanging(_ timeout: Double) {
    let now = Self.now
    defer { lastRound = now }
    for index in slots.indices {
      for path in [\Slot.worker, \Slot.successor] {
        guard let worker = slots[index][keyPath: path] else { continue }
        if now > lastRound + timeout / 2 {
          // This process was held up itself, and perhaps the whole machine was: the worker gets its time anew.
          if worker.isReady { slots[index][keyPath: path]?.lastHeartbeat = now }
        } else if worker.hangs(at: now, timeout: timeout) {
          logger.error("worker hangs, killed", metadata: ["process": "\(worker.process)"])
          kill(worker.process)
          slots[index][keyPath: path] = nil
        }
      }
    }
  }

  private func tellManager() {
    if let interval = manager.watchdogInterval, Self.now >= nextSignOfLife {
      manager.tellAlive()
      nextSignOfLife = Self.now + interval
    }
    guard !isReady,
      slots.allSatisfy({
        $0.successor == nil && $0.worker?.isReady == true && $0.worker?.generation == generation
      })
    else { return }
    isReady = true
    manager.tellReady()
    logger.notice("serving", metadata: ["address": "\(socket)", "workers": "\(slots.count)"])
  }

  private func note(heartbeats processes: [pid_t]) {
    for index in slots.indices {
      for path in [\Slot.worker, \Slot.successor] {
        if let worker = slots[index][keyPath: path], processes.contains(worker.process) {
          slots[index][keyPath: path]?.lastHeartbeat = Self.now
        }
      }
    }
  }

  // MARK: - Workers that end

  private func secondsToNextStep(_ timeout: Double?) -> Double {
    var steps = slots.filter { $0.worker == nil || $0.nextStart > Self.now }.map(\.nextStart)
    steps += retiring.values
    if let timeout { steps.append(Self.now + timeout / 4) }
    if manager.watchdogInterval != nil { steps.append(nextSignOfLife) }
    return max(0, (steps.min() ?? .infinity) - Self.now)
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
          if age < Self.earlyFailure && status != 0 && status & 0x7f != SIGKILL {
            postpone(index)
          } else {
            slots[index].backOff = 0
            slots[index].nextStart = 0
          }
        }
      }
    }
  }

  private func postpone(_ index: Int) {
    let doubled = slots[index].backOff * 2
    slots[index].backOff = min(max(doubled, Self.backOff.lowerBound), Self.backOff.upperBound)
    slots[index].nextStart = Self.now + slots[index].backOff
  }

  private func stop(_ wait: (Double) -> Void) {
    manager.tellStopping()
    let workers = slots.flatMap { [$0.worker, $0.successor] }.compactMap { $0?.process }
    for process in workers + retiring.keys {
      Glibc.kill(process, SIGTERM)
      if retiring[process] != .infinity { retiring[process] = Self.now + Self.stopTimeout }
    }
    var end = Self.now
    while !retiring.isEmpty {
      // Who was killed gets a little time, from the last kill on.
      if retiring.values.contains(where: \.isFinite) { end = Self.now + Self.killTimeout }
      guard Self.now < end else { break }
      wait(max(0, min(retiring.values.min() ?? end, end) - Self.now))
      reap()
      endLate()
    }
    if !retiring.isEmpty {
      logger.error("workers don't end", metadata: ["processes": "\(retiring.keys.sorted())"])
    }
  }

  /// Seconds, by a clock that is never set back.
  private static var now: Double { Double(Clock.monotonicNanoseconds) / 1e9 }

  private static func describe(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}
