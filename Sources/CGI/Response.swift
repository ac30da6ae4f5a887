import HTTPTypes
import Wire

/// The answer of a route.
public struct Response: Sendable {
  public enum Body: Sendable {
    case bytes([UInt8])
    case stream(BodyStream)
  }

  public var status: HTTPResponse.Status
  public var fields: HTTPFields
  public var body: Body

  /// An answer with `Cache-Control: no-store`, unless `fields` sets that field. RFC 9111, section 5.2.2.5.
  public init(
    status: HTTPResponse.Status = .ok, fields: HTTPFields = [:], body: Body = .bytes([])
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
    json(.bytes(body), status: status, fields: fields)
  }

  /// An answer with a JSON body.
  public static func json(
    _ body: Body, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]
  ) -> Response {
    var response = Response(status: status, fields: fields, body: body)
    if response.fields[.contentType] == nil { response.fields[.contentType] = "application/json" }
    return response
  }

  /// The whole body, for programs that don't stream.
  /// - Throws: what the stream throws.
  public func collectBody() throws -> [UInt8] {
    switch body {
    case .bytes(let bytes): return bytes
    case .stream(let stream):
      var bytes: [UInt8] = []
      while let piece = try stream.next() { bytes += piece }
      return bytes
    }
  }

  /// The answer as a CGI response: header fields, an empty line, the body. RFC 3875, section 6.
  /// - Parameter isHead: whether to omit the body, and to keep the fields of GET, including Content-Length. RFC 9110,
  ///   section 9.3.2.
  /// - Returns: the bytes to send at once, and the stream that follows them.
  public func parts(isHead: Bool) -> (first: [UInt8], rest: BodyStream?) {
    switch body {
    case .bytes(let bytes):
      var text = head(length: bytes.count)
      if !isHead { text += bytes }
      return (text, nil)
    case .stream(let stream):
      return (head(length: nil), isHead ? nil : stream)
    }
  }

  private func head(length: Int?) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(256 + (length ?? 0))
    func append(_ name: String, _ value: String) {
      text.append(name)
      text.append(": ")
      text.append(value)
      text.append("\r\n")
    }
    append("Status", "\(status.code) \(status.reasonPhrase)")
    for field in fields { append(field.name.rawName, field.value) }
    append("X-Content-Type-Options", "nosniff")
    if let length, status.code != 204, status.code != 304 { append("Content-Length", "\(length)") }
    text.append("\r\n")
    return text
  }
}
