import Supervision

/// What only systemd's templates ask for.
extension DeploymentValues {
  /// The user and group that the package makes.
  static let account = "pico-auth"

  var systemd: TemplateValues {
    TemplateValues(texts: [
      "account": Self.account,
      "listen_stream": listenStream,
      // The web server's group on Debian.
      "web_group": "www-data",
    ])
  }

  private var listenStream: String {
    switch listen {
    case .unix(let path): path
    case .tcp: "\(listen)"
    }
  }
}
