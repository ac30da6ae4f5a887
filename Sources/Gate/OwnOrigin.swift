import Wire

/// Checks that a page of this site caused a request with the session cookie.
///
/// A browser sends the cookie with a request whichever site's page causes it. SameSite=Lax keeps most of these
/// cookies back, but this check doesn't rely on it. The check reads fields that no page of another site can set.
public enum OwnOrigin {
  /// Refuses a request that may change something, unless a page of this site caused it. GET, HEAD, OPTIONS and TRACE
  /// pass.
  /// - Throws: ``Refusal/foreignOrigin``.
  static func check(_ inputs: GateInputs) throws(Refusal) {
    let methods = [inputs[.requestMethod], inputs[.forwardedMethod]].compactMap { $0 }
    // A WebSocket handshake is a GET request that any page may cause. RFC 6455, section 10.2.
    let isWebSocket = inputs[.webSocketKey] != nil
    if !isWebSocket && methods.allSatisfy(["GET", "HEAD", "OPTIONS", "TRACE"].contains) { return }
    try require(inputs)
  }

  /// Checks a sign-in that sets the session cookie, if the request has an Origin field. Browsers send one with every
  /// POST. Without this check, a page of another site could sign the browser in under an account of its choice.
  /// - Throws: ``Refusal/foreignOrigin``.
  public static func checkSignIn(_ inputs: GateInputs) throws(Refusal) {
    if inputs[.origin] != nil { try require(inputs) }
  }

  /// Requires an Origin field that names this site.
  private static func require(_ inputs: GateInputs) throws(Refusal) {
    let hosts = [inputs[.host], inputs[.forwardedHost]].compactMap { $0?.lowercased() }
    guard let origin = inputs[.origin]?.lowercased(), let scheme = origin.firstRange(of: "://"),
      hosts.containsBytes(of: origin[scheme.upperBound...]),
      isSecure(scheme: origin[..<scheme.lowerBound], host: origin[scheme.upperBound...])
    else { throw .foreignOrigin }
  }

  /// Whether a page of that origin can have the cookie: over TLS, or from this host. Browsers accept a `Secure`
  /// cookie from the loopback host without TLS.
  private static func isSecure(scheme: Substring, host: Substring) -> Bool {
    if scheme.hasSameBytes(as: "https") { return true }
    let port = host.utf8.reversed().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
    let name = host.hasSuffix("]") ? host[...] : host.dropLast(port + 1)
    return scheme.hasSameBytes(as: "http")
      && [host, name].contains { ["localhost", "127.0.0.1", "[::1]"].contains(String($0)) }
  }
}
