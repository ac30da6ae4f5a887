import HTTPTypes
import Wire

/// One request, as the web server describes it. RFC 3875, section 4.
public struct Request: Sendable {
  public let variables: MetaVariables
  private let source: any RequestBody

  public init(variables: MetaVariables, body: any RequestBody = BytesBody()) {
    self.variables = variables
    self.source = body
  }

  /// A request that doesn't come from a web server: for programs that embed the routes.
  /// - Parameters:
  ///   - target: path and query. The path is decoded already, the query isn't.
  ///   - remoteAddress: the client's IP address; empty if the request doesn't come over a network.
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
      // By the exact field name: as a CGI variable, X_Fleet_Secret would look like X-Fleet-Secret.
      let values = fields[values: field]
      if !values.isEmpty { variables[variable] = values.joined(separator: variable == .cookie ? "; " : ", ") }
    }
    self.init(variables: variables, body: BytesBody(body))
  }

  /// The header fields that ``RequestInput`` declares, with their variables.
  private static let fieldNames: [(RequestInput, HTTPField.Name)] = RequestInput.allCases.compactMap {
    guard $0.isHeaderField else { return nil }
    let name = String($0.variable.dropFirst("HTTP_".count).map { $0 == "_" ? "-" : $0 })
    guard let field = HTTPField.Name(name) else { return nil }
    return ($0, field)
  }

  /// The method, by default GET; nil if the name isn't a token. RFC 9110, section 9.1.
  public var method: HTTPRequest.Method? {
    HTTPRequest.Method(variables[.requestMethod] ?? "GET")
  }

  /// The path that the client asked for: SCRIPT_NAME and PATH_INFO together. RFC 3875, sections 4.1.5 and 4.1.13.
  public var path: String { (variables[.scriptName] ?? "") + pathInfo }

  /// What follows the last slash of the path: the parameter of a route such as `/sessions/{sid}`.
  public var lastSegment: String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
  }

  /// The part of the path after the script, if the web server splits the path; empty otherwise. RFC 3875, section
  /// 4.1.5.
  public var pathInfo: String { variables[.pathInfo] ?? "" }

  /// The parameters of the query, decoded, in their order.
  public var query: [(name: String, value: String)] { FormEncoding.pairs(variables[.queryString] ?? "") }

  /// The whole body.
  /// - Parameter limit: the largest body, in bytes. A longer one isn't read to its end.
  /// - Throws: ``BodyError``.
  public func body(limit: Int) throws(BodyError) -> [UInt8] {
    let expected = try contentLength()
    if let expected, expected > limit { throw .tooLarge }
    let bytes = try source.read(limit: limit, expected: expected)
    if bytes.count > limit { throw .tooLarge }
    if let expected, expected != bytes.count { throw .lengthMismatch }
    return bytes
  }

  /// CONTENT_LENGTH in bytes; nil if it is missing or empty. RFC 3875, section 4.1.2.
  private func contentLength() throws(BodyError) -> Int? {
    guard let text = variables[.contentLength], !text.isEmpty else { return nil }
    guard text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { throw .invalidLength }
    // Digits that exceed Int.max: the body is longer than any limit.
    return Int(text) ?? .max
  }

  /// Whether the body's media type is `application/json`. A missing type counts as JSON, because old clients send
  /// none.
  public var hasJSONMediaType: Bool {
    guard let type = variables[.contentType], !type.isEmpty else { return true }
    return Self.mediaType(type) == "application/json"
  }

  /// Whether the body's media type is `application/x-www-form-urlencoded`.
  public var hasFormMediaType: Bool {
    Self.mediaType(variables[.contentType] ?? "") == "application/x-www-form-urlencoded"
  }

  /// Whether the Accept field names this media type, other than with `q=0`. Wildcards don't count: use it for a
  /// representation that a client gets only if it asks for it. RFC 9110, section 12.5.1.
  public func accepts(explicitly mediaType: String) -> Bool {
    guard let accept = variables[.accept] else { return false }
    return accept.split(separator: ",").contains {
      Self.mediaType($0) == mediaType && !Self.isRefused($0)
    }
  }

  /// Whether If-None-Match contains this entity tag, by weak comparison, or `*`. RFC 9110, sections 8.8.3.2 and
  /// 13.1.2.
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
