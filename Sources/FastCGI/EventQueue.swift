import CLinux
import Glibc
import POSIX
import Synchronization

/// The epoll instance that all threads of a worker wait on. An event is identified by its descriptor. `epoll(7)`.
final class EventQueue: Sendable {
  private let epoll: FileHandle
  /// The `errno` with which watching the listening socket failed; 0 while it is watched.
  private let listeningFailure = Atomic<Int32>(0)

  /// - Throws: ``SystemError`` (`epoll_create1`).
  init() throws(SystemError) {
    epoll = FileHandle(
      owning: try retryingOnInterrupt("epoll_create1") {
        epoll_create1(Int32(EPOLL_CLOEXEC))
      })
  }

  /// Waits for an event. `epoll_wait(2)`.
  /// - Parameter milliseconds: the timeout; -1 waits without limit.
  /// - Returns: the event's descriptor; nil after the timeout or a signal.
  func wait(milliseconds: Int32) -> Int32? {
    var event = epoll_event()
    return epoll_wait(epoll.descriptor, &event, 1, milliseconds) == 1 ? event.data.fd : nil
  }

  /// The descriptors of at most `limit` events that are there now. Doesn't block.
  func poll(limit: Int) -> [Int32] {
    var events = [epoll_event](repeating: epoll_event(), count: limit)
    let count = epoll_wait(epoll.descriptor, &events, Int32(limit), 0)
    return events[..<max(0, Int(count))].map(\.data.fd)
  }

  /// Reports a descriptor to every waiting thread for as long as it is readable.
  /// - Throws: ``SystemError`` (`epoll_ctl`).
  func watch(_ descriptor: Int32) throws(SystemError) {
    try control(EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue)
  }

  /// Reports new connections once, to one thread of one worker process. Level-triggered, epoll would wake another
  /// thread for a connection that the first is about to accept. EPOLLEXCLUSIVE and EPOLLET, `epoll_ctl(2)`.
  /// - Throws: ``SystemError`` (`epoll_ctl`).
  func watchListener(_ listener: Int32) throws(SystemError) {
    try control(EPOLL_CTL_ADD, listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue | EPOLLET.rawValue)
  }

  /// Reports the listening socket once more if connections still wait. EPOLL_CTL_MOD can't do this, as it refuses
  /// descriptors added with EPOLLEXCLUSIVE.
  func rearmListener(_ listener: Int32) {
    // Another thread may do the same now: the descriptor may be gone (ENOENT), and back again (EEXIST).
    _ = epoll_ctl(epoll.descriptor, EPOLL_CTL_DEL, listener, nil)
    do throws(SystemError) {
      try watchListener(listener)
    } catch  where error.code == EEXIST {
    } catch {
      listeningFailure.store(error.code, ordering: .relaxed)
    }
  }

  /// Whether epoll watches the listening socket. It doesn't after the kernel had no memory to rearm it.
  var isListening: Bool { listeningFailure.load(ordering: .relaxed) == 0 }

  /// Rearms the listening socket if that failed before.
  /// - Parameter report: called with the error of the last attempt.
  func retryListening(_ listener: Int32, report: (SystemError) -> Void) {
    guard !isListening else { return }
    let code = listeningFailure.exchange(0, ordering: .relaxed)
    guard code != 0 else { return }
    report(SystemError(call: "epoll_ctl", code: code))
    rearmListener(listener)
  }

  /// Reports a connection once. From the event until the next call, one thread owns it. EPOLLONESHOT, `epoll_ctl(2)`.
  /// - Throws: ``SystemError`` (`epoll_ctl`).
  func watch(_ descriptor: Int32, once interest: UInt32, isKnown: Bool) throws(SystemError) {
    try control(isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, interest | EPOLLONESHOT.rawValue)
  }

  private func control(_ change: Int32, _ descriptor: Int32, _ interest: UInt32) throws(SystemError) {
    var event = epoll_event()
    event.events = interest
    event.data.fd = descriptor
    try retryingOnInterrupt("epoll_ctl") {
      epoll_ctl(epoll.descriptor, change, descriptor, &event)
    }
  }
}
