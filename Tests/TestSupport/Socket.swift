import Foundation

/// A blocking stream socket, by unix path or by port on the loopback.
public final class Socket: @unchecked Sendable {
  private let descriptor: Int32

  public struct Failure: Error { public let call: String, code: Int32 }

  /// - Parameter waits: whether to wait for room among the connections that aren't accepted yet.
  public init(unix path: String, waits: Bool = true) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    if !waits { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    try connect(&address)
    _ = fcntl(descriptor, F_SETFL, 0)
  }

  /// - Parameter source: the address of this host that the peer is to see.
  public init(port: Int, from source: String = "127.0.0.1") throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if source != "127.0.0.1" {
      var own = sockaddr_in()
      own.sin_family = sa_family_t(AF_INET)
      own.sin_addr.s_addr = inet_addr(source)
      let bound = withUnsafePointer(to: &own) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      guard bound == 0 else { throw Failure(call: "bind", code: errno) }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    try connect(&address)
  }

  deinit { close(descriptor) }

  private func connect<Address>(_ address: inout Address) throws {
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else { throw Failure(call: "connect", code: errno) }
  }

  public func send(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let sent = bytes.withUnsafeBytes {
        Foundation.send(
          descriptor, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { throw Failure(call: "send", code: errno) }
      done += sent
    }
  }

  /// What has come, at most so many bytes; nothing once the peer has closed.
  public func receive(_ count: Int = 65536) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = recv(descriptor, &bytes, count, 0)
    guard got >= 0 else { throw Failure(call: "recv", code: errno) }
    return Array(bytes[..<got])
  }

  /// Everything up to the peer's end.
  public func receiveAll() throws -> [UInt8] {
    var bytes: [UInt8] = []
    while case let chunk = try receive(), !chunk.isEmpty { bytes += chunk }
    return bytes
  }

  /// Tells the peer that nothing more will come.
  public func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Bytes that were sent and that the other side hasn't read. `unix(7)`, SIOCOUTQ.
  var unreadByPeer: Int32 {
    var count: Int32 = -1
    _ = ioctl(descriptor, UInt(TIOCOUTQ), &count)
    return count
  }

  /// Whether something has come, or the peer has closed.
  public var isReadable: Bool {
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, 0) == 1
  }

  /// A port that nobody listens on.
  public static func freePort() -> Int {
    let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(probe) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(probe, $0, size)
        getsockname(probe, $0, &size)
      }
    }
    return Int(in_port_t(bigEndian: address.sin_port))
  }
}

/// A socket that messages come to.
public final class DatagramSocket: Sendable {
  private let descriptor: Int32

  public init(unix path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw Socket.Failure(call: "bind", code: errno) }
    var limit = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// The next message; empty where none has come and it isn't waited for.
  public func receive(wait: Bool = true) throws -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let got = recv(descriptor, &bytes, bytes.count, wait ? 0 : Int32(MSG_DONTWAIT))
    guard got >= 0 else {
      if !wait && errno == EAGAIN { return "" }
      throw Socket.Failure(call: "recv", code: errno)
    }
    return String(decoding: bytes[..<got], as: UTF8.self)
  }
}
