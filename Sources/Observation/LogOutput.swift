import CLinux
import Glibc
import POSIX
import Synchronization

/// Where log lines go: standard error, which whoever reads it may stop reading.
///
/// Writing never waits. What doesn't fit is dropped and counted, and the count is logged when there is room again.
public final class LogOutput: Sendable {
  private enum Kind {
    /// A file, or what takes bytes whenever it is asked to.
    case file
    /// A pipe or a terminal, opened anew so that it doesn't block, whatever other processes do with theirs.
    case nonblocking
    /// A socket, as systemd's journal has it.
    case socket
    /// A pipe that can't be opened anew, as it belongs to another user.
    case shared
  }

  private let handle: FileHandle
  private let kind: Kind
  private let dropped = Atomic<Int>(0)
  private let isWaiting = Atomic<Bool>(false)

  /// - Parameter descriptor: stays the caller's.
  public init(_ descriptor: Int32 = 2) {
    let status = try? FileHandle(owning: dup(descriptor)).status()
    switch status?.type {
    case .socket:
      kind = .socket
      handle = FileHandle(owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 3))
    case .pipe, .terminal:
      let flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
      let opened = open("/proc/self/fd/\(descriptor)", flags)
      handle = FileHandle(owning: opened == -1 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 3) : opened)
      // A worker that can't open it anew may have one that its supervisor has opened.
      kind = fcntl(handle.descriptor, F_GETFL) & O_NONBLOCK == 0 ? .shared : .nonblocking
    default:
      kind = .file
      handle = FileHandle(owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 3))
    }
  }

  /// For child processes, as their standard error.
  public var descriptor: Int32 { handle.descriptor }

  /// Writes a line, whole or not at all.
  /// - Parameters:
  ///   - line: at most ``LogLine/maximumSize`` bytes.
  ///   - note: the line that tells how many were dropped.
  func write(_ line: [UInt8], note: @escaping @Sendable (Int) -> [UInt8]) {
    guard tellDropped(note), put(line) else {
      dropped.add(1, ordering: .relaxed)
      tellDroppedLater(note)
      return
    }
  }

  /// - Returns: whether there is nothing to tell any more.
  private func tellDropped(_ note: (Int) -> [UInt8]) -> Bool {
    let count = dropped.exchange(0, ordering: .relaxed)
    if count == 0 || put(note(count)) { return true }
    dropped.add(count, ordering: .relaxed)
    return false
  }

  /// Tells of dropped lines as soon as there is room, although nothing more may be logged.
  private func tellDroppedLater(_ note: @escaping @Sendable (Int) -> [UInt8]) {
    // A file that took nothing is full, which nobody tells the end of.
    guard kind != .file, !isWaiting.exchange(true, ordering: .relaxed) else { return }
    let started: Void? = try? Thread.detach { [self] in
      var wait = pollfd(fd: handle.descriptor, events: Int16(POLLOUT), revents: 0)
      while poll(&wait, 1, -1) == -1 && errno == EINTR {}
      isWaiting.store(false, ordering: .relaxed)
      _ = tellDropped(note)
    }
    if started == nil { isWaiting.store(false, ordering: .relaxed) }
  }

  private func put(_ line: [UInt8]) -> Bool {
    switch kind {
    case .file, .nonblocking: break
    case .socket:
      return send(handle.descriptor, line, line.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) == line.count
    case .shared:
      var room = pollfd(fd: handle.descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&room, 1, 0) == 1, room.revents & Int16(POLLOUT) != 0 else { return false }
    }
    return Glibc.write(handle.descriptor, line, line.count) == line.count
  }
}
