import CGI
import Wire

/// `GET /.well-known/oauth-authorization-server`, and the place of OpenID Connect: what this server offers to OAuth
/// clients. RFC 8414.
struct ServerMetadataRoute: Sendable {
  private let document: [UInt8]

  init(_ context: RouteContext) {
    let settings = context.settings
    let base = settings.issuerOrigin + settings.basePath
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
  /// Scheme, host and port of the issuer.
  var issuerOrigin: String { String(self.issuer.prefix(self.issuer.count - issuerPath.count)) }

  /// The path of the issuer; empty if it has none, or only a slash.
  var issuerPath: String {
    guard let scheme = self.issuer.firstRange(of: "://"),
      let slash = self.issuer[scheme.upperBound...].firstIndex(of: "/")
    else { return "" }
    return String(self.issuer[slash...])
  }

  /// A well-known path with the issuer's path behind it. RFC 8414, section 3.
  func wellKnownPath(_ name: String) -> String {
    let path = issuerPath
    return "/.well-known/" + name + (path.hasSuffix("/") ? String(path.dropLast()) : path)
  }

  /// The path of the OpenID Connect document, behind the issuer's path. OpenID Connect Discovery 1.0, section 4.
  var openIDConfigurationPath: String {
    let path = issuerPath
    return (path.hasSuffix("/") ? String(path.dropLast()) : path) + "/.well-known/openid-configuration"
  }
}
