import CGI
import Wire

/// `GET /.well-known/oauth-authorization-server`, and the place of OpenID Connect: what this server offers to OAuth
/// clients. RFC 8414.
struct ServerMetadataRoute: Sendable {
  private let document: [UInt8]

  init(_ context: RouteContext) {
    let settings = context.settings
    let base = "\(settings.issuerOrigin)\(settings.basePath)"
    var document = JSONObjectWriter()
    document.add("issuer", settings.issuer)
    document.add("jwks_uri", base + "/jwks")
    // No grant is offered, and so no endpoint for one: section 2.
    document.add("response_types_supported", [String]())
    document.add("grant_types_supported", [String]())
    document.add("revocation_endpoint", base + "/oauth/revoke")
    document.add("revocation_endpoint_auth_methods_supported", ["none"])
    document.add("introspection_endpoint", base + "/oauth/introspect")
    self.document = document.finish()
  }

  @Sendable func respond(_: Request) -> Response {
    .json(document, fields: [.cacheControl: "public, max-age=300"])
  }
}

extension Settings {
  /// Scheme, host and port of the issuer. RFC 3986, section 3.2.
  fileprivate var issuerOrigin: Substring {
    let issuer = self.issuer
    guard let scheme = issuer.firstRange(of: "://") else { return issuer[...] }
    return issuer[..<(issuer[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? issuer.endIndex)]
  }
}
