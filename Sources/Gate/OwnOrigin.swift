import CGI
import Wire

/// Tells whether a page of this very site caused a request. A browser sends cookies whoever's page causes it, and
/// SameSite=Lax is a second lock only. No page of another site can set the fields that are read here.
public enum OwnOrigin {
  /// Lets pass what changes nothing; what may change something must come from a page of this site.
  /// - Throws: ``Refusal/foreignOrigin``.
  static func check(_ inputs: GateInputs) throws(Refusal) {
    let methods = [inputs[.requestMethod], inputs[.forwardedMethod]].compactMap { $0 }
    // A web socket begins with GET, and any page may open one. RFC 6455, section 10.2.
    let isWebSocket = inputs[.webSocketKey] != nil
    if !isWebSocket && methods.allSatisfy(["GET", "HEAD", "OPTIONS", "TRACE"].contains) { return }
    try require(inputs)
  }

  /// Checks what a browser says of the page that a request comes from, if it is a browser that asks: else a page of
  /// another site could sign a browser in, as somebody of its choice.
  /// - Throws: ``Refusal/foreignOrigin``.
  public static func checkSignIn(_ request: Request) throws(Refusal) {
    let inputs = GateInputs(request)
    if inputs[.origin] != nil { try require(inputs) }
  }

  private static func require(_ inputs: GateInputs) throws(Refusal) {
    let hosts = [inputs[.host], inputs[.forwardedHost]].compactMap { $0?.lowercased() }
    guard let origin = inputs[.origin]?.lowercased(), let scheme = origin.firstRange(of: "://"),
      hosts.containsBytes(of: origin[scheme.upperBound...]),
      isSecure(scheme: origin[..<scheme.lowerBound], host: origin[scheme.upperBound...])
    else { throw .foreignOrigin }
  }

  /// Whether a page may have had the cookie: over TLS, or from this very machine, where browsers take it without.
  private static func isSecure(scheme: Substring, host: Substring) -> Bool {
    if scheme.hasSameBytes(as: "https") { return true }
    let port = host.utf8.reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
    let name = host.hasSuffix("]") ? host[...] : host.dropLast(port + 1)
    return scheme.hasSameBytes(as: "http")
      && [host, name].contains { ["localhost", "127.0.0.1", "[::1]"].contains(String($0)) }
  }
}
