import Supervision

/// The values that only systemd's templates use.
extension DeploymentValues {
  /// The user and group that the package creates.
  static let account = "pico-auth"

  var systemd: TemplateValues {
    TemplateValues(texts: [
      "account": Self.account,
      "listen_stream": listenStream,
      // Debian's web servers run in this group.
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
