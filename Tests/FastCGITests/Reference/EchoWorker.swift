import CGI
import CLinux
import Glibc
import POSIX
import TestSupport

@testable import FastCGI

/// This program's worker loop with a handler that answers with what it was given, as the reference responder does with what
/// libfcgi gave it.
final class EchoWorker: Sendable {
  let path: String
  private let listener: FileHandle
  private let thread: pthread_t
  /// Closed, it ends the loop.
  private let lifeline = Monitor<FileHandle?>(nil)

  init(path: String) throws {
    self.path = path
    let listener = try Self.listen(path)
    self.listener = listener
    var ends: [Int32] = [0, 0]
    // Whatever other tests start must not hold the lifeline open.
    try retryingOnInterrupt("socketpair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    }
    let reading = FileHandle(owning: ends[0])
    let writing = FileHandle(owning: ends[1])
    lifeline.withLock { $0 = writing }
    let logger = LogRecorder().logger
    // On a thread of its own: the loop blocks signals for the thread that makes it.
    let started = Monitor(false)
    thread = try POSIX.Thread.start {
      do throws(SystemError) {
        let loop = try WorkerLoop(
          listener: listener.descriptor, lifeline: reading.descriptor, threads: 4, logger: logger,
          handler: Self.work)
        try loop.start()
        started.withLock { $0 = true }
        started.wake()
        loop.waitUntilStopped()
      } catch {
        fatalError("\(error)")
      }
    }
    started.wait { $0 ? () : nil }
  }

  /// Ends the loop as the end of its supervisor does, and waits for that.
  /// - Returns: whether it ended.
  func stop() -> Bool {
    lifeline.withLock { $0 = nil }
    return POSIX.Thread.join(thread, until: Clock.monotonicNanoseconds + 10_000_000_000)
  }

  private static func listen(_ path: String) throws -> FileHandle {
    let listener = FileHandle(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    _ = try withUnsafePointer(to: &address) { address in
      try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        try retryingOnInterrupt("bind") {
          bind(listener.descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    try retryingOnInterrupt("listen") { Glibc.listen(listener.descriptor, 128) }
    return listener
  }

  // MARK: - Answers

  @Sendable private static func work(_ request: Request, _ role: Role) -> Work {
    // Both ways through the loop.
    let lane: Lane = (request.variables[.contentLength] ?? "").utf8.count % 2 == 0 ? .immediate : .blocking
    return Work(lane: lane) { .response(response(to: request, role)) }
  }

  /// What is answered to a request.
  static func response(to request: Request, _ role: Role) -> Response {
    var echo: [UInt8] = Array(role == .authorizer ? "A\n".utf8 : "R\n".utf8)
    for name in MetaVariables.Name.allCases {
      if let value = request.variables[name] { appendCounted("\(name.text)=\(value)".utf8, to: &echo) }
    }
    echo += Array("-\n\(request.variables.unknownRequirement ?? "")".utf8)
    do throws(BodyError) {
      appendCounted(role == .authorizer ? [] : try request.body(limit: 262_144), to: &echo)
    } catch {
      echo += Array("\(error)".utf8)
    }
    let pattern = pattern(request.variables[.queryString] ?? "")
    guard pattern.count % 3 == 1 else { return Response(body: .bytes(echo + pattern)) }
    // In pieces of all sizes, as long answers are sent.
    var rest = (echo + pattern)[...]
    var size = 0
    return Response(
      body: .stream(
        BodyStream {
          guard !rest.isEmpty else { return nil }
          size = (size * 5 + 1) % 70_000
          defer { rest = rest.dropFirst(size) }
          return Array(rest.prefix(size))
        }))
  }

  /// The bytes of standard output that are to come of that.
  static func output(to request: Request, _ role: Role) throws -> [UInt8] {
    let (first, stream) = response(to: request, role).parts(isHead: false)
    var output = first
    while let piece = try stream?.next() { output += piece }
    return output
  }

  /// The bytes that a query `answer=COUNT` asks for.
  private static func pattern(_ query: String) -> [UInt8] {
    guard query.hasPrefix("answer="), let count = Int(query.dropFirst("answer=".count)) else { return [] }
    return Array(longPattern[..<count])
  }

  static let longestPattern = 200_000
  private static let longPattern = (0..<longestPattern).map { UInt8(truncatingIfNeeded: $0 * 31 + $0 >> 8) }

  private static func appendCounted(_ bytes: some Collection<UInt8>, to echo: inout [UInt8]) {
    echo += Array("\(bytes.count)\n".utf8)
    echo.append(contentsOf: bytes)
  }
}
