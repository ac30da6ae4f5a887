import AuthServer
import Supervision

/// The values that fill in the templates.
struct DeploymentValues {
  var basePath: String
  var wellKnownPaths: WellKnownPaths
  var stateFolder: String
  var configFile: String
  var program: String
  var listen: ListenAddress
  var workers: Int
  var threads: Int

  /// The longest request body that a web server accepts. It is larger than pico-auth's own limit, so that pico-auth
  /// refuses a long body, with a problem document. It is far too small to fill a disk. Bytes.
  let bodyLimit = 1 << 20

  /// The values for every target's templates.
  var common: TemplateValues {
    TemplateValues(
      texts: [
        "ambiguous_path": Self.ambiguousPart,
        "base_path": basePath,
        "client_paths": clientPathPattern,
        "concurrency": "\(workers * threads)",
        "config_file": configFile,
        "key_set_path": wellKnownPaths.keySet,
        "listen": "\(listen)",
        "paths": pathPattern,
        "program": program,
        "state_dir": stateFolder,
        "threads": "\(threads)",
        "workers": "\(workers)",
      ],
      lists: [
        "header": NginxInput.headers.map(\.fields),
        "identity": IdentityField.all.map(\.fields),
        "metadata": metadataPaths.map { ["path": $0] },
        "requirement": NginxInput.requirements.map(\.fields),
        "server_input": NginxInput.serverInputs.map(\.fields),
      ])
  }

  /// The paths of all routes, as a regular expression for lighttpd and Apache.
  var pathPattern: String { "^(\(Self.escaped(basePath))/|\(wellKnownPattern)$)" }

  /// The paths of all routes but `verify`, which is closed to clients, as a regular expression.
  var clientPathPattern: String { "^(\(Self.escaped(basePath))/(?!verify$)|\(wellKnownPattern)$)" }

  /// The paths outside of the base path, as a part of a regular expression.
  var wellKnownPattern: String {
    "(\(wellKnownPaths.all.map(Self.escaped).joined(separator: "|")))"
  }

  /// The paths outside of the base path, those of the keys aside.
  private var metadataPaths: [String] {
    [wellKnownPaths.authorizationServer, wellKnownPaths.openIDConfiguration]
  }

  /// A regular expression, ignoring case, for paths that a web server and an application may read differently: empty
  /// segments, `.` and `..` (also before a path parameter, `..;`), encoded separators, backslashes and NUL.
  static let ambiguousPart = #"//|\x5c|%5c|%2f|%00|/([.]|%2e){1,2}([/;?]|%3b|$)"#

  /// Escapes a text for a regular expression.
  static func escaped(_ text: String) -> String {
    String(text.flatMap { #"\^$.|?*+()[]{}"#.contains($0) ? ["\\", $0] : [$0] })
  }
}
