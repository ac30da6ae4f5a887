import HTTPTypes
import Wire

/// The cookie that may carry an access token, for pages in a browser.
///
/// Its name has the prefix `__Host-`. A browser accepts such a cookie only from this host and over TLS. RFC 6265bis,
/// section 4.1.3.
public struct SessionCookie: Sendable {
  private static let prefix = "__Host-"

  /// The name, with the prefix.
  public let name: String

  /// - Parameter configured: the value of `cookie_name`, with the prefix or without. The result is nil if it is
  ///   empty.
  public init?(configured: String) {
    guard !configured.isEmpty else { return nil }
    name = configured.hasPrefix(Self.prefix) ? configured : Self.prefix + configured
  }

  /// Whether a cookie may have a name. It must be a token of RFC 9110, section 5.6.2.
  public static func isName(_ name: String) -> Bool {
    HTTPField.Name(name) != nil
  }

  /// The token in the cookie of a request; nil if the request doesn't have the cookie.
  /// - Throws: ``Refusal`` 401 if the value is malformed, or if two cookies have the name, because either could be a
  ///   forgery; 403 if a page of another site may have caused the request.
  func token(in inputs: GateInputs) throws(Refusal) -> String? {
    let pairs = (inputs[.cookie] ?? "").split(separator: ";").compactMap { pair -> Substring? in
      let pair = pair.drop { $0 == " " }
      guard let equals = pair.firstIndex(of: "="), pair[..<equals].hasSameBytes(as: name) else { return nil }
      return pair[pair.index(after: equals)...]
    }
    guard let value = pairs.first else { return nil }
    guard pairs.count == 1, BearerHeader.isToken(value) else { throw Refusal(.malformed, .cookie) }
    try OwnOrigin.check(inputs)
    return String(value)
  }
}
