import CLinux
import Glibc
import POSIX
import Synchronization

/// Writes log lines to standard error without ever waiting: its reader may have stopped reading.
///
/// A line that doesn't fit is dropped and counted. The count is logged as soon as there is room again.
public final class LogOutput: Sendable {
  private enum Kind {
    /// A regular file, or anything else that never blocks.
    case file
    /// A pipe or a terminal that this process has opened again. O_NONBLOCK belongs to the open file description, so
    /// setting it on the one that other processes share would affect them.
    case nonblocking
    /// A socket, such as systemd's journal.
    case socket
    /// A pipe that can't be opened again, because it belongs to another user.
    case shared
  }

  private let handle: FileHandle
  private let kind: Kind
  private let dropped = Atomic<Int>(0)
  private let isWaiting = Atomic<Bool>(false)

  /// - Parameter descriptor: the descriptor to write to. It is duplicated, and the caller keeps it.
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
      // A worker that can't open the pipe again may have inherited a non-blocking one from its supervisor.
      kind = fcntl(handle.descriptor, F_GETFL) & O_NONBLOCK == 0 ? .shared : .nonblocking
    default:
      kind = .file
      handle = FileHandle(owning: fcntl(descriptor, F_DUPFD_CLOEXEC, 3))
    }
  }

  /// The descriptor to pass to child processes as their standard error.
  public var descriptor: Int32 { handle.descriptor }

  /// Writes a line completely or drops it. Doesn't block.
  /// - Parameters:
  ///   - line: at most ``LogLine/maximumSize`` bytes.
  ///   - note: returns the line that reports a number of dropped lines.
  func write(_ line: [UInt8], note: @escaping @Sendable (Int) -> [UInt8]) {
    guard reportDropped(note), put(line) else {
      dropped.add(1, ordering: .relaxed)
      reportDroppedLater(note)
      return
    }
  }

  /// Reports dropped lines, if there are any.
  /// - Returns: false if the report doesn't fit either.
  private func reportDropped(_ note: (Int) -> [UInt8]) -> Bool {
    let count = dropped.exchange(0, ordering: .relaxed)
    if count == 0 || put(note(count)) { return true }
    dropped.add(count, ordering: .relaxed)
    return false
  }

  /// Reports dropped lines as soon as there is room, even if nothing more is logged.
  private func reportDroppedLater(_ note: @escaping @Sendable (Int) -> [UInt8]) {
    // Writing to a file fails only if its disk is full, and poll(2) doesn't report when there is space again.
    guard kind != .file, !isWaiting.exchange(true, ordering: .relaxed) else { return }
    let started: Void? = try? Thread.detach { [self] in
      var wait = pollfd(fd: handle.descriptor, events: Int16(POLLOUT), revents: 0)
      while poll(&wait, 1, -1) == -1 && errno == EINTR {}
      isWaiting.store(false, ordering: .relaxed)
      _ = reportDropped(note)
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
