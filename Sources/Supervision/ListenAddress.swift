import POSIX

/// An address to listen on: `unix:PATH` or `HOST:PORT`.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
  case unix(path: String)
  /// The host is an IPv4 address, an IPv6 address in brackets, or a name.
  case tcp(host: String, port: UInt16)

  /// - Returns: nil if `text` has another form, the port exceeds 65,535, or the path exceeds 107 bytes. `unix(7)`.
  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      // sun_path has 108 bytes, the terminating zero included.
      guard !path.isEmpty, path.utf8.count < 108 else { return nil }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("[") && host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self = .tcp(host: String(host), port: port)
  }

  /// Whether only processes of this host can connect: a unix socket or a loopback address.
  public var isLocal: Bool {
    switch self {
    case .unix: true
    case .tcp(let host, _): HostName.isLoopback(host)
    }
  }

  public var description: String {
    switch self {
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}
