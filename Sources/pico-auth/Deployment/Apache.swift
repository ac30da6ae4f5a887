import Supervision

/// What only Apache's templates ask for.
extension DeploymentValues {
  var apache: TemplateValues {
    TemplateValues(texts: [
      // A request line ends its target with a space.
      "apache_ambiguous_path": Self.ambiguousPart.replacing("[/;?]", with: "[/;? ]"),
      "backend": apacheBackend,
      "body_limit": "\(bodyLimit)",
      "key_set_pattern": Self.escaped(keySetPath),
      "tcp_address": apacheTCP,
    ])
  }

  private var apacheBackend: String {
    switch listen {
    case .unix(let path): "unix:\(path)|fcgi://pico-auth"
    case .tcp: "fcgi://\(listen)"
    }
  }

  /// mod_authnz_fcgi knows no unix sockets.
  private var apacheTCP: String {
    if case .tcp = listen { "\(listen)" } else { "127.0.0.1:9000" }
  }
}
