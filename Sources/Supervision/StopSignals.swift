import CLinux
import FastCGI
import Glibc
import POSIX

/// Stops a worker: SIGTERM, SIGINT, SIGQUIT or the end of its supervisor at once; SIGUSR1, which web servers and the
/// supervisor send, gracefully.
public struct StopSignals: StopRequest {
  private static let urgentSignals = [SIGTERM, SIGINT, SIGQUIT]
  private static let signals = urgentSignals + [SIGUSR1]

  /// The signals, as a descriptor that becomes readable.
  ///
  /// It is never read, so it stays readable. A signal handler can't do that: it runs on one thread, perhaps after that
  /// thread has checked for a stop and before it waits.
  private let signals: FileHandle
  public let descriptors: [Int32]

  /// Blocks the signals for this thread and those it starts, and ignores SIGHUP: it is meant for the supervisor, and
  /// terminals and service managers send it to the whole group. `signalfd(2)`.
  /// - Parameter lifeline: the reading end of a pipe that the supervisor holds open.
  /// - Throws: ``SystemError``.
  public init(lifeline: Int32?) throws(SystemError) {
    signal(SIGHUP, SIG_IGN)
    var set = sigset_t()
    sigemptyset(&set)
    for signal in Self.signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signals = FileHandle(
      owning: try retryingOnInterrupt("signalfd") { signalfd(-1, &set, Int32(SFD_CLOEXEC)) })
    descriptors = [signals.descriptor] + (lifeline.map { [$0] } ?? [])
  }

  /// `sigpending(2)`: the signals stay pending.
  public var isUrgent: Bool {
    var pending = sigset_t()
    sigpending(&pending)
    if Self.urgentSignals.contains(where: { sigismember(&pending, $0) == 1 }) { return true }
    var lifelines = descriptors.dropFirst().map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    return poll(&lifelines, nfds_t(lifelines.count), 0) > 0
  }

  public func wait() {
    var polls = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&polls, nfds_t(polls.count), -1) <= 0 {}
  }

  public func stopGracefully() { kill(getpid(), SIGUSR1) }
}
