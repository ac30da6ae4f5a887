import HTTPTypes
import Wire

/// One request as the web server describes it.
public struct Request: Sendable {
  public let variables: MetaVariables
  private let source: any RequestBody

  public init(variables: MetaVariables, body: any RequestBody = BytesBody()) {
    self.variables = variables
    self.source = body
  }

  /// A request that came another way than through a web server: for programs that embed the routes.
  /// - Parameters:
  ///   - target: path and query, percent-escapes of the path decoded already.
  ///   - remoteAddress: whom the program got it from; empty where that is nobody on the network.
  public init(
    method: HTTPRequest.Method, target: String, fields: HTTPFields = [:], body: [UInt8] = [],
    remoteAddress: String = ""
  ) {
    var variables = MetaVariables()
    variables[.remoteAddress] = remoteAddress
    variables[.requestMethod] = method.rawValue
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    variables[.scriptName] = String(parts[0])
    variables[.queryString] = parts.count > 1 ? String(parts[1]) : nil
    variables[.contentType] = fields[.contentType]
    variables[.contentLength] = fields[.contentLength]
    for (variable, field) in Self.fieldNames {
      // By exact field name: X_Fleet_Secret is not X-Fleet-Secret.
      let values = fields[values: field]
      if !values.isEmpty { variables[variable] = values.joined(separator: variable == .cookie ? "; " : ", ") }
    }
    self.init(variables: variables, body: BytesBody(body))
  }

  /// The client's fields that are looked at, by the variables that they arrive in.
  private static let fieldNames: [(RequestInput, HTTPField.Name)] = RequestInput.allCases.compactMap {
    guard $0.isHeaderField else { return nil }
    let name = String($0.variable.dropFirst("HTTP_".count).map { $0 == "_" ? "-" : $0 })
    guard let field = HTTPField.Name(name) else { return nil }
    return ($0, field)
  }

  /// The method; nil where the name is no HTTP token.
  public var method: HTTPRequest.Method? {
    HTTPRequest.Method(variables[.requestMethod] ?? "GET")
  }

  /// SCRIPT_NAME and PATH_INFO together: what the client asked for.
  public var path: String { (variables[.scriptName] ?? "") + pathInfo }

  /// PATH_INFO alone: what lies behind the script, where the server knows where that ends.
  public var pathInfo: String { variables[.pathInfo] ?? "" }

  /// The parameters of the query, in order, decoded. URL standard, section 5.1.
  public var query: [(name: String, value: String)] {
    (variables[.queryString] ?? "").split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : "")
    }
  }

  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = Hex.decode(String(Substring(rest.prefix(2))))?.first {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The whole body.
  /// - Parameter limit: bytes; a longer body is not read to its end.
  /// - Throws: ``BodyError``.
  public func body(limit: Int) throws(BodyError) -> [UInt8] {
    let expected = try contentLength()
    if let expected, expected > limit { throw .tooLarge }
    let bytes = try source.read(limit: limit, expected: expected)
    if bytes.count > limit { throw .tooLarge }
    if let expected, expected != bytes.count { throw .lengthMismatch }
    return bytes
  }

  /// CONTENT_LENGTH in bytes; nil where it is missing or empty. RFC 3875, section 4.1.2.
  private func contentLength() throws(BodyError) -> Int? {
    guard let text = variables[.contentLength], !text.isEmpty else { return nil }
    guard text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { throw .invalidLength }
    // All digits and yet no Int: longer than any limit.
    return Int(text) ?? .max
  }

  /// Whether the body's media type is JSON; an absent type is taken as JSON, as old clients rely on it.
  public var hasJSONMediaType: Bool {
    guard let type = variables[.contentType], !type.isEmpty else { return true }
    return Self.mediaType(type) == "application/json"
  }

  /// Whether the client names this media type in its Accept field. Wildcards don't count: this is for
  /// the less usual representation, sent only when asked for.
  public func accepts(explicitly mediaType: String) -> Bool {
    guard let accept = variables[.accept] else { return false }
    return accept.split(separator: ",").contains {
      Self.mediaType($0) == mediaType && !Self.isRefused($0)
    }
  }

  /// Whether If-None-Match has this entity tag, compared weakly. RFC 9110, section 13.1.2.
  public func ifNoneMatch(has tag: String) -> Bool {
    guard let list = variables[.ifNoneMatch] else { return false }
    return list.split(separator: ",").contains {
      let item = Self.trimmed($0)
      return item == "*" || item == tag || item.hasPrefix("W/") && item.dropFirst(2) == tag
    }
  }

  private static func mediaType(_ text: some StringProtocol) -> String {
    trimmed(text.prefix { $0 != ";" }).lowercased()
  }

  private static func isRefused(_ range: Substring) -> Bool {
    range.split(separator: ";").dropFirst().contains {
      let parameter = trimmed($0).lowercased()
      guard parameter.hasPrefix("q=") else { return false }
      return Double(parameter.dropFirst(2)) == 0
    }
  }

  private static func trimmed(_ text: some StringProtocol) -> Substring {
    let text = Substring(text).drop { $0 == " " || $0 == "\t" }
    let end = text.lastIndex { $0 != " " && $0 != "\t" }
    return end.map { text[...$0] } ?? ""
  }
}
