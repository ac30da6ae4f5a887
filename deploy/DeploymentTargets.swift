/// A web server or systemd, for which `pico-auth print-config` prints configurations.
///
/// The templates lie in `deploy/templates/NAME`. SwiftPM compiles them into the program (`.embedInCode`). It turns
/// each file's name into a constant and ignores folders, so the names of templates begin with the target's name.
public struct DeploymentTarget: Sendable {
  /// The argument of `print-config`, and the name of the folder in `deploy/templates`.
  public let name: String
  /// The templates, in the order in which their files are printed: `nginx-gate.conf` becomes `pico-auth-gate.conf`.
  public let templates: [EmbeddedFile]
  /// The parts that the templates include, by name. They lie in the folder `parts`.
  public let parts: [String: EmbeddedFile]

  private init(_ name: String, _ templates: [EmbeddedFile], parts: [EmbeddedFile] = []) {
    self.name = name
    self.templates = templates
    self.parts = Dictionary(uniqueKeysWithValues: parts.map { ($0.name, $0) })
  }

  /// The target with a name; nil if there is none.
  public static func named(_ name: String) -> DeploymentTarget? { all.first { $0.name == name } }

  /// Every target.
  public static let all = [nginx, lighttpd, apache, systemd]

  private static let nginx = DeploymentTarget(
    "nginx",
    [
      EmbeddedFile("nginx-http.conf", PackageResources.nginx_http_conf),
      EmbeddedFile("nginx-locations.conf", PackageResources.nginx_locations_conf),
      EmbeddedFile("nginx-fastcgi.conf", PackageResources.nginx_fastcgi_conf),
      EmbeddedFile("nginx-keys.conf", PackageResources.nginx_keys_conf),
      EmbeddedFile("nginx-verify.conf", PackageResources.nginx_verify_conf),
      EmbeddedFile("nginx-verify-cached.conf", PackageResources.nginx_verify_cached_conf),
      EmbeddedFile("nginx-verify-http.conf", PackageResources.nginx_verify_http_conf),
      EmbeddedFile("nginx-gate.conf", PackageResources.nginx_gate_conf),
      EmbeddedFile("nginx-gate-fastcgi.conf", PackageResources.nginx_gate_fastcgi_conf),
      EmbeddedFile("nginx-open.conf", PackageResources.nginx_open_conf),
      EmbeddedFile("nginx-open-fastcgi.conf", PackageResources.nginx_open_fastcgi_conf),
    ],
    parts: [
      EmbeddedFile("nginx-ask.conf", PackageResources.nginx_ask_conf),
      EmbeddedFile("nginx-connection.conf", PackageResources.nginx_connection_conf),
      EmbeddedFile("nginx-inherited.conf", PackageResources.nginx_inherited_conf),
      EmbeddedFile("nginx-question.conf", PackageResources.nginx_question_conf),
      EmbeddedFile("nginx-requirements.conf", PackageResources.nginx_requirements_conf),
      EmbeddedFile("nginx-targets.conf", PackageResources.nginx_targets_conf),
    ])

  private static let lighttpd = DeploymentTarget(
    "lighttpd",
    [
      EmbeddedFile("lighttpd.conf", PackageResources.lighttpd_conf),
      EmbeddedFile("lighttpd-spawned.conf", PackageResources.lighttpd_spawned_conf),
      EmbeddedFile("lighttpd-cgi.conf", PackageResources.lighttpd_cgi_conf),
      EmbeddedFile("lighttpd-gate.conf", PackageResources.lighttpd_gate_conf),
      EmbeddedFile("lighttpd-open.conf", PackageResources.lighttpd_open_conf),
      EmbeddedFile("lighttpd-targets.conf", PackageResources.lighttpd_targets_conf),
    ],
    parts: [
      EmbeddedFile("lighttpd-cleared.conf", PackageResources.lighttpd_cleared_conf),
      EmbeddedFile("lighttpd-fleet.conf", PackageResources.lighttpd_fleet_conf),
      EmbeddedFile("lighttpd-intro.conf", PackageResources.lighttpd_intro_conf),
      EmbeddedFile("lighttpd-limits.conf", PackageResources.lighttpd_limits_conf),
    ])

  private static let apache = DeploymentTarget(
    "apache",
    [
      EmbeddedFile("apache-proxy.conf", PackageResources.apache_proxy_conf),
      EmbeddedFile("apache-fcgid.conf", PackageResources.apache_fcgid_conf),
      EmbeddedFile("apache-cgi.conf", PackageResources.apache_cgi_conf),
      EmbeddedFile("apache-gate-authnz.conf", PackageResources.apache_gate_authnz_conf),
      EmbeddedFile("apache-gate-fcgid.conf", PackageResources.apache_gate_fcgid_conf),
      EmbeddedFile("apache-open.conf", PackageResources.apache_open_conf),
    ],
    parts: [
      EmbeddedFile("apache-forgeries.conf", PackageResources.apache_forgeries_conf),
      EmbeddedFile("apache-identity.conf", PackageResources.apache_identity_conf),
      EmbeddedFile("apache-intro.conf", PackageResources.apache_intro_conf),
      EmbeddedFile("apache-limits.conf", PackageResources.apache_limits_conf),
      EmbeddedFile("apache-requirements.conf", PackageResources.apache_requirements_conf),
      EmbeddedFile("apache-targets.conf", PackageResources.apache_targets_conf),
      EmbeddedFile("apache-verify.conf", PackageResources.apache_verify_conf),
    ])

  private static let systemd = DeploymentTarget(
    "systemd",
    [
      EmbeddedFile("systemd.service", PackageResources.systemd_service),
      EmbeddedFile("systemd.socket", PackageResources.systemd_socket),
      EmbeddedFile("systemd.sysusers", PackageResources.systemd_sysusers),
      EmbeddedFile("systemd.tmpfiles", PackageResources.systemd_tmpfiles),
    ])
}

/// A file that SwiftPM compiles into the program.
public struct EmbeddedFile: Sendable {
  public let name: String
  private let bytes: [UInt8]

  /// The text of the file, in UTF-8.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  fileprivate init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}
