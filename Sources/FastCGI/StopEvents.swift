import CLinux
import Glibc
import POSIX

/// What ends a worker: SIGTERM, SIGINT, SIGQUIT or the end of its supervisor; and SIGUSR1, which web servers and the
/// supervisor send for a gentle stop.
struct StopEvents {
  private static let urgentSignals = [SIGTERM, SIGINT, SIGQUIT]
  private static let signals = urgentSignals + [SIGUSR1]

  /// The signals, as a descriptor that becomes readable.
  ///
  /// It is never read, so it stays readable, and every thread that comes to wait finds out. A handler
  /// could not do that: the signal would meet one thread, perhaps between looking and waiting.
  private let signals: FileHandle
  /// What becomes readable when the worker is to stop.
  let descriptors: [Int32]

  /// Blocks the signals for this thread and those it starts.
  /// - Parameter lifeline: the reading end of a pipe that the supervisor holds open.
  /// - Throws: ``SystemError``.
  init(lifeline: Int32?) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in Self.signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signals = FileHandle(
      owning: try retryingOnInterrupt("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
    descriptors = [signals.descriptor] + (lifeline.map { [$0] } ?? [])
  }

  /// Whether something else than a gentle stop was asked for. `sigpending(2)`: the signals stay pending.
  var areUrgent: Bool {
    var pending = sigset_t()
    sigpending(&pending)
    if Self.urgentSignals.contains(where: { sigismember(&pending, $0) == 1 }) { return true }
    var lifelines = descriptors.dropFirst().map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    return poll(&lifelines, nfds_t(lifelines.count), 0) > 0
  }

  /// Waits until the worker is to stop.
  func wait() {
    var polls = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&polls, nfds_t(polls.count), -1) <= 0 {}
  }
}
