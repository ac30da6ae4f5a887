import CGI
import POSIX

/// Tells who sent a request: the web server's peer, or whoever a proxy that is trusted says it was.
struct ClientAddress: Sendable {
  private let trusted: [AddressRange]

  /// - Parameter ranges: as `trusted_proxies` has them.
  init(trustedProxies ranges: [String]) {
    trusted = ranges.compactMap { AddressRange($0) }
  }

  /// The client's name in the log, which programs such as fail2ban shut out.
  ///
  /// Where a client's field competes with the proxy's, `unknown`: the client would choose who is shut out, itself never, and
  /// with the proxy everybody would be.
  func name(of request: Request) -> String {
    guard let address = of(request), !(isContested(request) && isTrusted(address)) else { return "unknown" }
    return "\(address)"
  }

  /// The address; nil where the web server tells none, as over a unix socket.
  ///
  /// X-Forwarded-For grows on its right: each proxy adds whom it got the request from. So it is read from there, and
  /// only as long as the one who added an entry is trusted; what lies further left a client may have made up. Of two fields
  /// one is the client's, and neither is read.
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

  /// An entry, which may have a port: `192.0.2.1:80`, `[2001:db8::1]:80`.
  private static func address(_ entry: Substring) -> NetworkAddress? {
    var text = entry.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    if text.hasPrefix("[") { return NetworkAddress(text.dropFirst().prefix { $0 != "]" }) }
    if let address = NetworkAddress(text) { return address }
    return NetworkAddress(text.prefix { $0 != ":" })
  }
}
