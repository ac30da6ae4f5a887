import Supervision

/// The values that only Apache's templates use.
extension DeploymentValues {
  var apache: TemplateValues {
    TemplateValues(texts: [
      // The target of a request line ends with a space.
      "apache_ambiguous_path": Self.ambiguousPart.replacing("[/;?]", with: "[/;? ]"),
      "backend": apacheBackend,
      "body_limit": "\(bodyLimit)",
      "tcp_address": apacheTCP,
      "well_known_pattern": wellKnownPattern,
    ])
  }

  private var apacheBackend: String {
    switch listen {
    case .unix(let path): "unix:\(path)|fcgi://pico-auth"
    case .tcp: "fcgi://\(listen)"
    }
  }

  /// The TCP address for mod_authnz_fcgi, which can't connect to a unix socket.
  private var apacheTCP: String {
    if case .tcp = listen { "\(listen)" } else { "127.0.0.1:9000" }
  }
}
