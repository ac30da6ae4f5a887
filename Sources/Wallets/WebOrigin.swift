import Wire

/// The origin of a web page, such as `https://example.org:8443`, as browsers write it: lower case, no default port.
/// RFC 6454, section 6.2.
public struct WebOrigin: Sendable, Equatable, CustomStringConvertible {
  /// `http` or `https`.
  public let scheme: String
  /// The host, and the port unless it is the scheme's default.
  public let authority: String

  public var description: String { "\(scheme)://\(authority)" }

  /// Reads an origin. Nil for anything but the spelling of browsers.
  public init?(_ text: some StringProtocol) {
    guard let origin = WebOrigin(ofURL: text), origin.description.hasSameBytes(as: text) else { return nil }
    self = origin
  }

  /// The origin of a page with a URL. Nil if it isn't an HTTP URL, if it has user information, or if its host is
  /// empty or ends in a dot.
  public init?(ofURL url: some StringProtocol) {
    guard let (scheme, authority) = URIGrammar.origin(ofURI: Array(url.utf8)[...]) else { return nil }
    self.scheme = String(decoding: scheme, as: UTF8.self).lowercased()
    guard let defaultPort = ["http": ":80", "https": ":443"][self.scheme] else { return nil }
    var text = String(decoding: authority, as: UTF8.self).lowercased()
    if text.hasSuffix(defaultPort) { text.removeLast(defaultPort.utf8.count) }
    let host = text.hasPrefix("[") ? text.prefix { $0 != "]" } : text.prefix { $0 != ":" }
    guard !host.isEmpty, !host.hasSuffix("."), !text.hasSuffix(":"), !text.utf8.contains(UInt8(ascii: "@"))
    else { return nil }
    self.authority = text
  }

  /// Whether a text is the origin. Compares bytes.
  public func isSpelled(_ text: some StringProtocol) -> Bool { description.hasSameBytes(as: text) }
}
