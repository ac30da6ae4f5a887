import HTTPTypes
import Wire

/// An error that the client receives as a problem document.
public protocol ProblemConvertible: Error {
  var problem: Problem { get }
}

/// An error as the client sees it: a problem document. RFC 9457, section 3.
public struct Problem: ProblemConvertible, Sendable {
  public let status: HTTPResponse.Status
  /// What went wrong with this request, for people. Clients show it to their users, so its wording is part of the
  /// HTTP contract.
  public let detail: String
  /// Additional header fields of the answer, such as `Allow` or `WWW-Authenticate`.
  public let fields: HTTPFields

  public init(_ status: HTTPResponse.Status, _ detail: String, fields: HTTPFields = [:]) {
    self.status = status
    self.detail = detail
    self.fields = fields
  }

  public var problem: Problem { self }

  /// The answer: `application/problem+json` with the members type, title, status and detail. RFC 9457, section 3.1.
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
