import POSIX

/// Where to listen: `unix:PATH` or `HOST:PORT`.
public enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
  case unix(path: String)
  /// The host is an IPv4 address, an IPv6 address in brackets, or a name.
  case tcp(host: String, port: UInt16)

  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      // sockaddr_un holds 107 bytes and a zero.
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

  /// Whether only processes of this host can connect.
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
