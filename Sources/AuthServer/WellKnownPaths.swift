/// The paths outside of `base_path`, at which clients look for documents about this server. RFC 8615.
public struct WellKnownPaths: Sendable {
  /// The public keys.
  public let keySet = "/.well-known/jwks.json"
  /// The metadata of an OAuth server, with the issuer's path behind the name. RFC 8414, section 3.
  public let authorizationServer: String
  /// The metadata of an OpenID provider, with the issuer's path before the name. OpenID Connect Discovery 1.0,
  /// section 4; RFC 8414, section 5.
  public let openIDConfiguration: String

  /// - Parameter issuer: the setting `issuer`. One that isn't a URL has no path.
  public init(issuer: String) {
    let path = Self.path(of: issuer)
    authorizationServer = "/.well-known/oauth-authorization-server" + path
    openIDConfiguration = path + "/.well-known/openid-configuration"
  }

  /// Every path.
  public var all: [String] { [keySet, authorizationServer, openIDConfiguration] }

  /// The path of a URL, without a slash at its end. RFC 3986, section 3.3.
  private static func path(of url: String) -> Substring {
    guard let authority = url.firstRange(of: "://") else { return "" }
    var path = url[authority.upperBound...].prefix { $0 != "?" && $0 != "#" }.drop { $0 != "/" }
    while path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
