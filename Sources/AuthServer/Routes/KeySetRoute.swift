import CGI
import Crypto
import HTTPTypes
import Wire

/// `GET /jwks` and `GET /.well-known/jwks.json`: answers the public keys. RFC 7517, section 5.
struct KeySetRoute: Sendable {
  private let plain: Response
  private let named: Response
  private let unchanged: Response
  private let tag: String

  init(_ context: RouteContext) {
    let keySet = context.keySet
    tag = "\"\(Hex.encode(Array(SHA256.hash(data: keySet)).prefix(16)))\""
    let fields: HTTPFields = [
      .cacheControl: "public, max-age=300", .eTag: tag, .vary: "Accept",
    ]
    plain = .json(keySet, fields: fields)
    var namedFields = fields
    namedFields[.contentType] = "application/jwk-set+json"
    named = .json(keySet, fields: namedFields)
    unchanged = Response(status: .notModified, fields: fields)
  }

  @Sendable func respond(to request: Request) -> Response {
    if request.ifNoneMatch(has: tag) { return unchanged }
    return request.accepts(explicitly: "application/jwk-set+json") ? named : plain
  }
}
