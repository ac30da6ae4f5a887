import CFastCGI
import CGI
import CLinux
import Glibc
import POSIX

/// One connection from a web server, with libfcgi's state for the request on it.
///
/// Used by one thread at a time: whoever got its event from epoll.
final class Connection {
  /// How long a peer may pause in the middle of a request, or not read its answer, before it is given up.
  /// Milliseconds.
  private static let patience = 2000
  /// The same while the worker ends.
  private static let patienceAtEnd = 200
  /// How much of a body that no route wanted is read. Bytes.
  private static let drainLimit = 1 << 20

  /// What there is to read.
  enum Readiness {
    case data, nothing, closed
  }

  let descriptor: Int32
  /// On the heap: libfcgi's streams point back at it.
  private let request: UnsafeMutablePointer<FCGX_Request>

  /// Takes ownership of an accepted socket.
  init(owning descriptor: Int32) {
    self.descriptor = descriptor
    request = .allocate(capacity: 1)
    // No listening socket, so that FCGX_Accept_r returns where it would otherwise accept another connection.
    FCGX_InitRequest(request, -1, 0)
    request.pointee.ipcFd = descriptor
    wait(milliseconds: Self.patience)
  }

  /// Gives the peer little time, as the worker is to end.
  func expectPromptPeer() {
    wait(milliseconds: Self.patienceAtEnd)
  }

  private func wait(milliseconds: Int) {
    var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
  }

  deinit {
    // libfcgi sets it to -1 where it closed the socket itself, after an error.
    if request.pointee.ipcFd != -1 { close(descriptor) }
    request.deallocate()
  }

  /// Looks without waiting.
  func readiness() -> Readiness {
    var byte: UInt8 = 0
    let got = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    if got > 0 { return .data }
    return got == -1 && (errno == EAGAIN || errno == EINTR) ? .nothing : .closed
  }

  /// Reads one request, answers it and finishes it.
  /// - Parameter handler: hands over the answer's bytes, CGI fields and body; what it throws breaks the
  ///   connection off, so that the web server doesn't take half an answer for a whole one.
  /// - Returns: whether the connection can carry another request. `FCGX_Accept_r`, `FCGX_Finish_r`.
  func serve(_ handler: (Request, Role, @escaping Response.Sink) throws -> Void) -> Bool {
    // FCGX_Accept_r first finishes the request before, and closes the socket unless it is to be kept; and
    // where it closes, a detached request is spared a wait of 2 s for the peer to close as well.
    request.pointee.keepConnection = 1
    request.pointee.detached = 1
    guard FCGX_Accept_r(request) == 0 else { return false }
    let wantsMore = request.pointee.keepConnection != 0
    request.pointee.keepConnection = 1

    let role = Role(request.pointee.role)
    let body = StreamBody(stream: request.pointee.in)
    let variables = request.pointee.envp.withMemoryRebound(
      to: UnsafeMutablePointer<CChar>?.self, capacity: 1
    ) { MetaVariables(environment: $0) }
    do {
      try handler(Request(variables: variables, body: body), role, write)
    } catch {
      shutdown(descriptor, Int32(SHUT_RDWR))
    }
    // An authorizer's peer never ends standard input: reading it would hang.
    let isDrained = role == .authorizer || body.drain(limit: Self.drainLimit)
    FCGX_Finish_r(request)
    return wantsMore && isDrained && request.pointee.ipcFd != -1
  }

  /// One record or more of standard output. `FCGX_PutStr`.
  private func write(_ bytes: [UInt8]) throws {
    let written = bytes.withUnsafeBufferPointer {
      $0.withMemoryRebound(to: CChar.self) {
        FCGX_PutStr($0.baseAddress, Int32($0.count), request.pointee.out)
      }
    }
    if written != bytes.count { throw PeerGone() }
  }
}

/// The web server closed the connection before it had the whole answer.
struct PeerGone: Error {}

/// What a web server asks of an application. FastCGI specification, section 6.
public enum Role: Sendable {
  case responder, authorizer, filter

  /// By its number on the wire: 1, 2, 3.
  init(_ number: Int32) {
    switch number {
    case 2: self = .authorizer
    case 3: self = .filter
    default: self = .responder
    }
  }
}
