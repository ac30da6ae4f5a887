import CLinux
import Glibc
import TestSupport

/// One connection to an application: sends a ``RecordStream``, ends its side, and reads up to the other's end.
struct Exchange {
  private enum Failure: Error {
    case system(call: String, code: Int32)
    /// The application neither answered nor closed.
    case hangs
  }

  private let descriptor: Int32
  private let timeout: Int32
  private var received: [UInt8] = []
  private var counted = 0
  private var ends = 0
  private var isAtEnd = false

  /// - Parameters:
  ///   - random: for the sizes of writes.
  ///   - ends: how many requests must have ended before this side ends.
  ///   - timeout: how long nothing may happen. Milliseconds.
  static func run(
    _ stream: RecordStream, on path: String, random: SplitMix, ends: Int = 0, timeout: Int32 = 30_000
  ) throws -> Transcript {
    var exchange = try Exchange(path, timeout)
    defer { close(exchange.descriptor) }
    do {
      try exchange.send(stream, random, ends)
    } catch Failure.hangs {
      return Transcript(Transcript(exchange.received).replies + [.nothing])
    }
    return Transcript(exchange.received)
  }

  private init(_ path: String, _ timeout: Int32) throws {
    self.timeout = timeout
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      close(descriptor)
      throw Failure.system(call: "connect", code: code)
    }
  }

  private mutating func send(_ stream: RecordStream, _ random: SplitMix, _ total: Int) throws {
    var random = random
    var awaited = 0
    for (index, step) in stream.steps.enumerated() {
      var rest = step.bytes[...]
      while !rest.isEmpty && !isAtEnd {
        let size =
          switch stream.pieces {
          case .whole: rest.count
          case .cut(let size): rest.count == step.bytes.count ? size : rest.count
          case .upTo(let size): random.within(1...size)
          }
        try send(rest.prefix(max(size, 1)))
        rest = rest.dropFirst(max(size, 1))
        // So that pieces arrive as pieces.
        if !rest.isEmpty { try awaitReading() }
      }
      awaited += step.ends
      while index < stream.steps.count - 1 && ends < awaited && !isAtEnd { try receive() }
    }
    while ends < total && !isAtEnd { try receive() }
    shutdown(descriptor, Int32(SHUT_WR))
    while !isAtEnd { try receive() }
  }

  private mutating func send(_ bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    while !rest.isEmpty && !isAtEnd {
      let count = rest.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        // It may wait for its answer to be taken.
        if try wait(for: POLLIN | POLLOUT) & Int16(POLLIN) != 0 { try receive() }
      } else if errno == EPIPE || errno == ECONNRESET {
        // It has closed; what it had sent can still be read.
        return
      } else if errno != EINTR {
        throw Failure.system(call: "send", code: errno)
      }
    }
  }

  /// Lets the application read what was sent, unless it has something else to do. `unix(7)`, SIOCOUTQ.
  private func awaitReading() throws {
    var unread: Int32 = 0
    for _ in 0..<200 {
      guard ioctl(descriptor, UInt(TIOCOUTQ), &unread) == 0, unread > 0 else { return }
      sched_yield()
    }
  }

  private mutating func receive() throws {
    _ = try wait(for: POLLIN)
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    if count > 0 {
      received += chunk[..<count]
      ends += Transcript.countEnds(received, from: &counted)
    } else if count == 0 || errno == ECONNRESET {
      isAtEnd = true
    } else if errno != EINTR {
      throw Failure.system(call: "recv", code: errno)
    }
  }

  private func wait(for events: Int32) throws -> Int16 {
    var state = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    while true {
      let count = poll(&state, 1, timeout)
      if count > 0 { return state.revents }
      guard count < 0, errno == EINTR else { throw Failure.hangs }
    }
  }
}
