import HTTPTypes
import Wire

/// The cookie that opens a session, for pages in a browser.
///
/// Without a domain, its name has the prefix `__Host-`: a browser accepts such a cookie only from this host and over
/// TLS. With a domain, the prefix is `__Secure-`, and any host of the domain can set and read it. RFC 6265bis, section
/// 4.1.3.
public struct SessionCookie: Sendable {
  private static let prefixes = ["__Host-", "__Secure-"]

  /// The name, with the prefix.
  public let name: String
  /// The domain whose hosts get the cookie; nil for this host only.
  public let domain: String?

  /// - Parameters:
  ///   - configured: the value of `cookie_name`, with the prefix or without. The result is nil if it is empty.
  ///   - domain: the value of `cookie_domain`; empty for none.
  public init?(configured: String, domain: String = "") {
    guard !configured.isEmpty else { return nil }
    let bare = Self.prefixes.first(where: configured.hasPrefix).map { configured.dropFirst($0.count) }
    name = (domain.isEmpty ? "__Host-" : "__Secure-") + (bare ?? configured[...])
    self.domain = domain.isEmpty ? nil : domain
  }

  /// Whether a cookie may have a name. It must be a token of RFC 9110, section 5.6.2.
  public static func isName(_ name: String) -> Bool {
    HTTPField.Name(name) != nil
  }

  /// The value of the cookie in a request; nil if the request doesn't have the cookie.
  /// - Throws: ``Refusal`` 401 if the value is malformed, or if two cookies have the name, because either could be a
  ///   forgery; 403 if a page of another site may have caused the request.
  func value(in inputs: GateInputs) throws(Refusal) -> String? {
    guard let field = inputs[.cookie] else { return nil }
    let values = values(in: field)
    guard let value = values.first else { return nil }
    guard values.count == 1, BearerHeader.isToken(value) else { throw Refusal(.malformed, .cookie) }
    try OwnOrigin.check(inputs)
    return String(value)
  }

  /// The values of all cookies with the name. It reads bytes: characters take ten times as long.
  private func values(in field: String) -> [Substring] {
    field.utf8.split(separator: UInt8(ascii: ";")).compactMap { pair in
      let pair = pair.drop { $0 == UInt8(ascii: " ") }
      guard pair.starts(with: name.utf8) else { return nil }
      let rest = pair.dropFirst(name.utf8.count)
      return rest.first == UInt8(ascii: "=") ? Substring(rest.dropFirst()) : nil
    }
  }
}
