import CLinux
import FastCGI
import Glibc
import POSIX

/// Stops a worker when it receives a signal or its supervisor ends.
///
/// SIGTERM, SIGINT, SIGQUIT and the end of the supervisor are urgent. SIGUSR1 is a graceful stop: the supervisor and
/// some web servers send it to a worker that they replace.
public struct StopSignals: StopRequest {
  private static let urgentSignals = [SIGTERM, SIGINT, SIGQUIT]
  private static let signals = urgentSignals + [SIGUSR1]

  /// A descriptor that becomes readable when a signal arrives. Nobody reads it, so it stays readable for every
  /// thread. A signal handler would run on one thread only, perhaps after this has checked for a stop and before it
  /// waits.
  private let signals: FileHandle
  public let descriptors: [Int32]

  /// Blocks the signals for this thread and those that it starts, `pthread_sigmask(3)`. Ignores SIGHUP: it tells the
  /// supervisor to reload, but terminals and service managers send it to all processes of the group.
  /// - Parameter lifeline: the reading end of a pipe whose writing end the supervisor holds; nil without a
  ///   supervisor.
  /// - Throws: ``SystemError`` (`signalfd`).
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

  /// Whether an urgent signal is pending (`sigpending(2)`) or the supervisor has ended.
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
