import HTTPTypes
import Wire

/// The cookie that an access token may travel in, for pages in a browser. RFC 6265bis, with the prefix `__Host-`: only
/// this host sets it, over TLS alone.
public struct SessionCookie: Sendable {
  private static let prefix = "__Host-"

  public let name: String

  /// - Parameter configured: `cookie_name`, with the prefix or without; nil where that is empty.
  public init?(configured: String) {
    guard !configured.isEmpty else { return nil }
    name = configured.hasPrefix(Self.prefix) ? configured : Self.prefix + configured
  }

  /// Whether a name is one that cookies may have: a token of RFC 9110, section 5.6.2.
  public static func isName(_ name: String) -> Bool {
    HTTPField.Name(name) != nil
  }

  /// The token that a request's cookie holds; nil without one.
  /// - Throws: ``Refusal`` 401 for two of the name, which of them counts being anybody's guess; 403 where a page
  ///   of another site may have caused the request.
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
