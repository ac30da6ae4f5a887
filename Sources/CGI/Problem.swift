import HTTPTypes
import Wire

/// A failure that has an answer for the client.
public protocol ProblemConvertible: Error {
  var problem: Problem { get }
}

/// A failure as the client is told of it: a problem document, RFC 9457.
public struct Problem: ProblemConvertible, Sendable {
  public let status: HTTPResponse.Status
  /// What went wrong with this request, for people. Old clients show it, so wordings are part of the
  /// contract.
  public let detail: String
  /// Fields that the answer carries besides, such as `Allow` or `WWW-Authenticate`.
  public let fields: HTTPFields

  public init(_ status: HTTPResponse.Status, _ detail: String, fields: HTTPFields = [:]) {
    self.status = status
    self.detail = detail
    self.fields = fields
  }

  public var problem: Problem { self }

  /// The answer.
  public var response: Response {
    var document = JSONObjectWriter()
    document.add("type", "about:blank")
    document.add("title", status.reasonPhrase)
    document.add("status", status.code)
    document.add("detail", detail)
    var fields = fields
    fields[.contentType] = "application/problem+json"
    return Response(status: status, fields: fields, body: .bytes(document.finish()))
  }
}
