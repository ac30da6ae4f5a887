import CGI
import POSIX

/// Finds the address of the client that sent a request: the web server's peer or, behind a trusted proxy, the address
/// that the proxy names.
struct ClientAddress: Sendable {
  private let trusted: [AddressRange]

  /// - Parameter ranges: the value of `trusted_proxies`. An entry that is no range is ignored; ``Configuration``
  ///   refuses it.
  init(trustedProxies ranges: [String]) {
    trusted = ranges.compactMap { AddressRange($0) }
  }

  /// The client's address for the log. Programs such as fail2ban block it.
  ///
  /// The name is `unknown` if a trusted proxy sends two X-Forwarded-For fields. The client has chosen one of them, so
  /// it could choose whom fail2ban blocks. The proxy's own address would block every client.
  func name(of request: Request) -> String {
    guard let address = of(request), !(isContested(request) && isTrusted(address)) else { return "unknown" }
    return "\(address)"
  }

  /// The client's address; nil if the web server names none, as over a unix socket.
  ///
  /// Each proxy appends the address of its peer to X-Forwarded-For. So the field is read from the right, and only
  /// while the proxy that appended an entry is trusted. The client may have made up the entries further left. If
  /// there are two fields, one is the client's, and neither is read.
  func of(_ request: Request) -> NetworkAddress? {
    guard var address = NetworkAddress(request.variables[.remoteAddress] ?? "") else { return nil }
    var entries = (request.variables[.forwardedFor] ?? "").split(separator: ",")
    guard !isContested(request) else { return address }
    while isTrusted(address), let entry = entries.popLast() {
      guard let next = Self.address(entry) else { break }
      address = next
    }
    return address
  }

  private func isTrusted(_ address: NetworkAddress) -> Bool {
    trusted.contains { $0.contains(address) }
  }

  private func isContested(_ request: Request) -> Bool { request.variables.isRepeated(.forwardedFor) }

  /// The address of an entry, which may have a port: `192.0.2.1:80`, `[2001:db8::1]:80`.
  private static func address(_ entry: Substring) -> NetworkAddress? {
    var text = entry.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    if text.hasPrefix("[") { return NetworkAddress(text.dropFirst().prefix { $0 != "]" }) }
    if let address = NetworkAddress(text) { return address }
    return NetworkAddress(text.prefix { $0 != ":" })
  }
}
