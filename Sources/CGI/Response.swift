import HTTPTypes

/// What a route answers.
public struct Response: Sendable {
  public var status: HTTPResponse.Status
  public var fields: HTTPFields
  public var body: [UInt8]

  /// An answer that no cache keeps, unless its fields say otherwise.
  public init(
    status: HTTPResponse.Status = .ok, fields: HTTPFields = [:], body: [UInt8] = []
  ) {
    self.status = status
    self.fields = fields
    self.body = body
    if self.fields[.cacheControl] == nil { self.fields[.cacheControl] = "no-store" }
  }

  /// An answer with a JSON body.
  public static func json(
    _ body: [UInt8], status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
  ) -> Response {
    var response = Response(status: status, fields: fields, body: body)
    if response.fields[.contentType] == nil { response.fields[.contentType] = "application/json" }
    return response
  }

  /// The answer as a CGI script gives it to its web server: fields, an empty line, the body.
  /// RFC 3875, section 6.
  /// - Parameter isHead: the fields as for GET, Content-Length included, and no body.
  public func serialized(isHead: Bool = false) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(256 + body.count)
    func append(_ name: String, _ value: String) {
      text.append(contentsOf: name.utf8)
      text.append(contentsOf: ": ".utf8)
      text.append(contentsOf: value.utf8)
      text.append(contentsOf: "\r\n".utf8)
    }
    append("Status", "\(status.code) \(status.reasonPhrase)")
    for field in fields { append(field.name.rawName, field.value) }
    append("X-Content-Type-Options", "nosniff")
    if status.code != 204 && status.code != 304 { append("Content-Length", "\(body.count)") }
    text.append(contentsOf: "\r\n".utf8)
    if !isHead { text += body }
    return text
  }
}
