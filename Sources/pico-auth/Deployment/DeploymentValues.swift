import AuthServer
import Supervision

/// What the templates of web servers and of systemd are filled in with.
struct DeploymentValues {
  var basePath: String
  var keySetPath = "/.well-known/jwks.json"
  var stateFolder: String
  var configFile: String
  var program: String
  var listen: ListenAddress
  var workers: Int
  var threads: Int

  /// More than pico-auth takes, so that it is pico-auth that refuses, with a problem document, and far less than
  /// what would fill a disk. Bytes.
  let bodyLimit = 1 << 20

  /// What every target's templates may ask for.
  var common: TemplateValues {
    TemplateValues(
      texts: [
        "ambiguous_path": Self.ambiguousPart,
        "base_path": basePath,
        "client_paths": clientPathPattern,
        "concurrency": "\(workers * threads)",
        "config_file": configFile,
        "key_set_path": keySetPath,
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
        "requirement": NginxInput.requirements.map(\.fields),
        "server_input": NginxInput.serverInputs.map(\.fields),
      ])
  }

  /// The paths of all routes, as a regular expression of lighttpd's and Apache's kind.
  var pathPattern: String { "^(\(Self.escaped(basePath))/|\(Self.escaped(keySetPath))$)" }

  /// The same without `verify`, which isn't for clients.
  var clientPathPattern: String { "^(\(Self.escaped(basePath))/(?!verify$)|\(Self.escaped(keySetPath))$)" }

  /// What makes a path one thing to a web server and another to an application, as a regular expression that ignores case:
  /// empty segments, `.` and `..`, also where a path parameter follows (`..;`), and separators and NUL in other spellings.
  static let ambiguousPart = #"//|\x5c|%5c|%2f|%00|/([.]|%2e){1,2}([/;?]|%3b|$)"#

  static func escaped(_ text: String) -> String {
    String(text.flatMap { #"\^$.|?*+()[]{}"#.contains($0) ? ["\\", $0] : [$0] })
  }
}
