import Glibc

extension Supervisor {
  struct Worker {
    /// How many times its timeout a worker may take to start: it may have to read large files.
    private static let startAllowance = 10.0

    let process: pid_t
    /// When it was started. Seconds of the monotonic clock.
    let started: Double
    let generation: Int
    /// When its last heartbeat arrived. Seconds of the monotonic clock; nil before it is ready.
    var lastHeartbeat: Double?

    var isReady: Bool { lastHeartbeat != nil }

    /// Whether the worker's heartbeat is overdue.
    /// - Parameters: seconds.
    func isHung(at now: Double, timeout: Double) -> Bool {
      lastHeartbeat.map { now > $0 + timeout } ?? (now > started + timeout * Self.startAllowance)
    }
  }

  /// The place of one worker, and of the worker that replaces it.
  struct Slot {
    var worker: Worker?
    /// Replaces the worker once it is ready.
    var successor: Worker?
    var backOff = RestartBackOff()
  }
}
