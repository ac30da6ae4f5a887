import CLinux
import Glibc
import POSIX
import Synchronization

/// The descriptors that threads wait for together. `epoll(7)`. What an event is about is told by its descriptor.
final class EventQueue: Sendable {
  private let epoll: FileHandle
  /// Why new connections aren't told of, as `errno`; 0 where they are.
  private let listeningFailure = Atomic<Int32>(0)

  /// - Throws: ``SystemError``.
  init() throws(SystemError) {
    epoll = FileHandle(
      owning: try retryingOnInterrupt("epoll_create1") {
        epoll_create1(Int32(EPOLL_CLOEXEC))
      })
  }

  /// Waits for an event.
  /// - Parameter milliseconds: for how long; -1 is for ever.
  /// - Returns: its descriptor; nil where none came.
  func wait(milliseconds: Int32) -> Int32? {
    var event = epoll_event()
    return epoll_wait(epoll.descriptor, &event, 1, milliseconds) == 1 ? event.data.fd : nil
  }

  /// The descriptors of some events that have come, without waiting.
  /// - Parameter limit: how many at the most.
  func poll(limit: Int) -> [Int32] {
    var events = [epoll_event](repeating: epoll_event(), count: limit)
    let count = epoll_wait(epoll.descriptor, &events, Int32(limit), 0)
    return events[..<max(0, Int(count))].map(\.data.fd)
  }

  /// Tells of a descriptor every thread that waits, as long as it can be read.
  /// - Throws: ``SystemError``.
  func watch(_ descriptor: Int32) throws(SystemError) {
    try control(EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue)
  }

  /// Tells of a new connection one thread of one worker process, and once. With a lasting event another thread would
  /// be woken each time a first one takes it.
  /// - Throws: ``SystemError``.
  func watchListener(_ listener: Int32) throws(SystemError) {
    try control(EPOLL_CTL_ADD, listener, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue | EPOLLET.rawValue)
  }

  /// Has the listener told again if connections wait.
  func watchListenerAnew(_ listener: Int32) {
    // Another thread may do the same.
    _ = epoll_ctl(epoll.descriptor, EPOLL_CTL_DEL, listener, nil)
    do throws(SystemError) {
      try watchListener(listener)
    } catch  where error.code == EEXIST {
    } catch {
      listeningFailure.store(error.code, ordering: .relaxed)
    }
  }

  /// Whether new connections are told of; not so where the kernel had no memory for that.
  var isListening: Bool { listeningFailure.load(ordering: .relaxed) == 0 }

  /// Tries again to have new connections told of, where that failed.
  func retryListening(_ listener: Int32, report: (SystemError) -> Void) {
    guard !isListening else { return }
    let code = listeningFailure.exchange(0, ordering: .relaxed)
    guard code != 0 else { return }
    report(SystemError(call: "epoll_ctl", code: code))
    watchListenerAnew(listener)
  }

  /// Tells of a connection once: between this event and the next it belongs to one thread.
  /// - Throws: ``SystemError``.
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
