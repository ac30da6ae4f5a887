import CLinux
import Glibc
import POSIX

/// The signals that the supervisor waits for. `signalfd(2)` keeps a signal that arrives between checking and waiting;
/// with a signal handler, the supervisor would miss it and wait on.
final class SignalQueue {
  private let handle: FileHandle

  /// Blocks the signals for this thread and those that it starts. `pthread_sigmask(3)`.
  /// - Throws: ``SystemError`` (`signalfd`).
  init(_ signals: [Int32]) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    handle = FileHandle(
      owning: try retryingOnInterrupt("signalfd") {
        signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
      })
  }

  /// Waits until a signal arrives, the other descriptor is readable, or the time is over. `poll(2)`.
  /// - Parameter seconds: 0 to 3600; other values are clamped.
  /// - Returns: the signals that have arrived, perhaps none.
  func wait(seconds: Double, or other: FileHandle) -> [Int32] {
    var polls = [
      pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: other.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    poll(&polls, 2, Int32((min(max(seconds, 0), 3600) * 1000).rounded(.up)))
    var signals: [Int32] = []
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    while read(handle.descriptor, &information, size) == size { signals.append(Int32(information.ssi_signo)) }
    return signals
  }
}
