import FastCGI
import Glibc
import Logging
import POSIX

// The module Supervision owns the run mode, the listening socket, the worker processes that share it, stop signals,
// heartbeats and systemd. It doesn't know authentication. Of the FastCGI protocol, it knows only how long a worker
// takes to stop.

/// Runs worker processes on one listening socket. Starts them, restarts one that dies or hangs, replaces all of them
/// when the configuration changes, and stops them.
public final class Supervisor {
  /// How long a worker may take to stop before the supervisor kills it. Workers normally finish their requests and
  /// end within 2 s. Seconds.
  private static let stopTimeout = 5.0
  /// A worker that is replaced has as long as web servers take for the last answers. Seconds.
  private static let gracefulTimeout = Double(StopDeadlines.gracePeriod) / 1e9 + stopTimeout
  /// How long the supervisor waits for killed workers. They end at once unless the kernel waits for a device. Seconds.
  private static let killTimeout = 2.0

  private static let stopSignals = [SIGTERM, SIGINT, SIGQUIT]

  private let socket: ListeningSocket
  private let makeLaunch: () throws -> WorkerLaunch
  private let manager: ServiceManager
  private let logger: Logger
  private var slots: [Slot]
  /// The deadlines of workers that were told to stop, in seconds. The supervisor kills a worker that misses its
  /// deadline; from then on the deadline is infinite.
  private var stopping: [pid_t: Double] = [:]
  /// How many times the configuration was reloaded. Workers of an earlier generation are replaced.
  private var generation = 0
  private var isReady = false
  /// When the supervisor last checked its workers, and when it next notifies the service manager's watchdog. Seconds.
  private var lastCheck = Supervisor.now
  private var nextWatchdogPing = 0.0

  /// - Parameters:
  ///   - count: the number of workers.
  ///   - makeLaunch: reads and checks the configuration. It is called at the start, and again at every SIGHUP.
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

  /// Runs until SIGTERM, SIGINT or SIGQUIT, and then until every worker has ended. At SIGHUP the supervisor reads the
  /// configuration again and replaces the workers one by one; if the configuration is invalid, it changes nothing.
  /// - Throws: what `makeLaunch` throws at the start; ``SystemError`` (`signalfd`, `pipe`, `fcntl`, `posix_spawn`).
  public func run() throws {
    let listening = socket
    defer { listening.remove() }
    let signals = try SignalQueue(Self.stopSignals + [SIGHUP, SIGCHLD])
    // The parent may ignore SIGCHLD. waitpid(2) would then report no worker.
    signal(SIGCHLD, SIG_DFL)
    // The reader of the log may have gone. That must not end the service.
    signal(SIGPIPE, SIG_IGN)
    let lifeline = try WorkerPipe()
    let heartbeats = try WorkerPipe()
    // The kernel closes the writing end when this process ends, even by kill -9. The workers then stop.
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
        record(heartbeats: heartbeats.readNumbers())
        reap()
        if came.contains(SIGHUP) { reload(&launch) }
        if let timeout = launch.timeout { killHung(timeout) }
        for index in slots.indices { advance(index, start) }
        killOverdue()
        notifyManager()
      }
      // From here on, no client can connect. Workers answer the clients that have.
      listening.remove()
      stop {
        _ = signals.wait(seconds: $0, or: heartbeats.reading)
        _ = heartbeats.readNumbers()
      }
    }
  }

  // MARK: - Starting and replacing

  private func reload(_ launch: inout WorkerLaunch) {
    manager.notifyReloading()
    isReady = false
    do {
      launch = try makeLaunch()
      generation += 1
      logger.notice("configuration reloaded, replacing workers")
    } catch {
      logger.error("configuration not reloaded", metadata: ["reason": "\(error)"])
    }
  }

  /// Starts a slot's worker, or its replacement; stops a worker whose replacement is ready.
  private func advance(_ index: Int, _ start: () throws(SystemError) -> Worker) {
    if let successor = slots[index].successor, successor.isReady {
      if let worker = slots[index].worker { stopGracefully(worker) }
      slots[index].worker = successor
      slots[index].successor = nil
      slots[index].backOff.noteSuccess()
    }
    guard slots[index].backOff.nextStart <= Self.now else { return }
    do throws(SystemError) {
      if slots[index].worker == nil {
        slots[index].worker = try start()
      } else if slots[index].worker?.generation != generation, !slots.contains(where: { $0.successor != nil })
      {
        // One at a time: the other workers keep serving.
        slots[index].successor = try start()
      }
    } catch {
      logger.error("worker not started, trying again after a back-off", metadata: ["reason": "\(error)"])
      slots[index].backOff.noteFailure(now: Self.now)
    }
  }

  /// Tells a replaced worker to finish its requests and end.
  private func stopGracefully(_ worker: Worker) {
    Glibc.kill(worker.process, SIGUSR1)
    stopping[worker.process] = Self.now + Self.gracefulTimeout
  }

  /// Kills workers that missed their deadline to stop, once each.
  private func killOverdue() {
    for (process, deadline) in stopping where deadline <= Self.now {
      logger.error("worker didn't stop in time; killed", metadata: ["process": "\(process)"])
      kill(process)
    }
  }

  /// Doesn't wait for the process to end: that can take long while the kernel waits for a device.
  private func kill(_ process: pid_t) {
    Glibc.kill(process, SIGKILL)
    stopping[process] = .infinity
  }

  /// Kills workers whose heartbeat is overdue. Their slots start others at once.
  private func killHung(_ timeout: Double) {
    let now = Self.now
    defer { lastCheck = now }
    for index in slots.indices {
      for path in [\Slot.worker, \Slot.successor] {
        guard let worker = slots[index][keyPath: path] else { continue }
        if now > lastCheck + timeout / 2 {
          // The supervisor itself didn't run, perhaps because the machine was suspended. Heartbeats could not be
          // read, so the worker's timeout starts again.
          if worker.isReady { slots[index][keyPath: path]?.lastHeartbeat = now }
        } else if worker.isHung(at: now, timeout: timeout) {
          logger.error("worker sent no heartbeat; killed", metadata: ["process": "\(worker.process)"])
          kill(worker.process)
          slots[index][keyPath: path] = nil
        }
      }
    }
  }

  private func notifyManager() {
    if let interval = manager.watchdogInterval, Self.now >= nextWatchdogPing {
      manager.notifyAlive()
      nextWatchdogPing = Self.now + interval
    }
    guard !isReady,
      slots.allSatisfy({
        $0.successor == nil && $0.worker?.isReady == true && $0.worker?.generation == generation
      })
    else { return }
    isReady = true
    manager.notifyReady()
    logger.notice("serving", metadata: ["address": "\(socket)", "workers": "\(slots.count)"])
  }

  private func record(heartbeats processes: [pid_t]) {
    for index in slots.indices {
      for path in [\Slot.worker, \Slot.successor] {
        if let worker = slots[index][keyPath: path], processes.contains(worker.process) {
          slots[index][keyPath: path]?.lastHeartbeat = Self.now
        }
      }
    }
    for process in processes where process < 0 { release(-process) }
  }

  /// Frees the slot of a worker that stops by itself, as it does after its last request.
  private func release(_ process: pid_t) {
    // Web servers that take answers slowly must not fill the machine with workers.
    guard stopping.count < slots.count,
      let index = slots.firstIndex(where: { $0.worker?.process == process })
    else { return }
    slots[index].worker = nil
    slots[index].backOff.reset()
    stopping[process] = Self.now + Self.gracefulTimeout
  }

  // MARK: - Workers that end

  private func secondsToNextStep(_ timeout: Double?) -> Double {
    var steps = slots.filter { $0.worker == nil || $0.backOff.nextStart > Self.now }.map(\.backOff.nextStart)
    steps += stopping.values
    if let timeout { steps.append(Self.now + timeout / 4) }
    if manager.watchdogInterval != nil { steps.append(nextWatchdogPing) }
    return max(0, (steps.min() ?? .infinity) - Self.now)
  }

  private func reap() {
    var status: Int32 = 0
    while case let process = waitpid(-1, &status, WNOHANG), process > 0 {
      let isExpected = stopping.removeValue(forKey: process) != nil
      logger.log(
        level: isExpected || status == 0 ? .info : .warning, "worker ended",
        metadata: ["process": "\(process)", "status": "\(Self.describe(status))"])
      for index in slots.indices {
        for path in [\Slot.worker, \Slot.successor] {
          guard let ended = slots[index][keyPath: path], ended.process == process else { continue }
          let age = Self.now - ended.started
          slots[index][keyPath: path] = nil
          slots[index].backOff.noteEnd(status: status, age: age, now: Self.now)
        }
      }
    }
  }

  private func stop(_ wait: (Double) -> Void) {
    manager.notifyStopping()
    let workers = slots.flatMap { [$0.worker, $0.successor] }.compactMap { $0?.process }
    for process in workers + stopping.keys {
      Glibc.kill(process, SIGTERM)
      if stopping[process] != .infinity { stopping[process] = Self.now + Self.stopTimeout }
    }
    var end = Self.now
    while !stopping.isEmpty {
      // The time for killed workers runs from the last kill on.
      if stopping.values.contains(where: \.isFinite) { end = Self.now + Self.killTimeout }
      guard Self.now < end else { break }
      wait(max(0, min(stopping.values.min() ?? end, end) - Self.now))
      reap()
      killOverdue()
    }
    if !stopping.isEmpty {
      logger.error(
        "killed workers haven't ended, the service ends without them",
        metadata: ["processes": "\(stopping.keys.sorted())"])
    }
  }

  /// The monotonic clock. Seconds.
  private static var now: Double { Double(Clock.monotonicNanoseconds) / 1e9 }

  private static func describe(_ status: Int32) -> String {
    let signal = status & 0x7f
    return signal == 0 ? "exit \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}
