import AuthServer
import Supervision

/// What the configurations of web servers and of systemd are filled in with.
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

  /// The base path, and something below it.
  func path(_ below: String) -> String { basePath + below }

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

/// A file to be printed or written.
struct DeploymentFile {
  let name: String
  let text: String
}

/// Whom there are configurations for.
enum DeploymentTarget: String, CaseIterable {
  case nginx, lighttpd, apache, systemd

  func files(_ values: DeploymentValues) -> [DeploymentFile] {
    switch self {
    case .nginx: values.nginx
    case .lighttpd: values.lighttpd
    case .apache: values.apache
    case .systemd: values.systemd
    }
  }
}
