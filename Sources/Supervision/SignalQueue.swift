import CLinux
import Glibc
import POSIX

/// Signals that the process waits for. A signal that comes between checking and waiting isn't lost, as it would be with a
/// handler.
final class SignalQueue {
  private let handle: FileHandle

  /// Blocks the signals. `signalfd(2)`.
  /// - Throws: ``SystemError``.
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

  /// Waits for a signal, or for something to read on another descriptor.
  /// - Returns: the signals that came; none if the other descriptor is readable, or after the timeout.
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
