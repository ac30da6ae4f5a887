import Glibc

/// The host of a URL or of an address to listen on.
public enum HostName {
  /// Whether the name reaches only the host that uses it: `localhost` and names below it (RFC 6761, section 6.3), 127.0.0.0/8
  /// and ::1.
  public static func isLoopback(_ host: some StringProtocol) -> Bool {
    let name = host.lowercased()
    if name == "localhost" || name.hasSuffix(".localhost") { return true }
    guard let address = address(name) else { return false }
    return ["127.0.0.0/8", "::1"].contains { AddressRange($0)?.contains(address) == true }
  }

  /// Whether it is the wildcard address, 0.0.0.0 or ::, which a client can't connect to.
  public static func isUnspecified(_ host: some StringProtocol) -> Bool {
    guard let address = address(String(host)) else { return false }
    return ["0.0.0.0", "::"].contains { AddressRange($0)?.contains(address) == true }
  }

  /// Accepts the short forms that clients accept, such as 127.1. `inet_aton(3)`.
  private static func address(_ text: String) -> NetworkAddress? {
    if let address = NetworkAddress(text) { return address }
    var v4 = in_addr()
    guard inet_aton(text, &v4) != 0 else { return nil }
    return NetworkAddress(withUnsafeBytes(of: &v4) { bytes in bytes.map { "\($0)" }.joined(separator: ".") })
  }
}
