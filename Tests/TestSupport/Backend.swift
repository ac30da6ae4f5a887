import Foundation

/// `pico-auth serve` on a unix socket, with a state folder of its own or a shared one.
public final class Backend: Sendable {
  public let state: String
  public let socket: String
  public let child: Child
  /// The configuration file.
  public let config: String

  /// The settings that the contract's list of bad requests expects.
  public static let settings = """
      auto_create_admin: true
      admin_email: ops@example.org
      admin_password: correct horse
      fleet_mint_secret: 0123456789-fleet-secret
      fleet_allowed_roles: [agent, builder, operator, other, r, service, wallet]
    """

  /// - Parameters:
  ///   - folder: for the socket, the log and the configuration.
  ///   - state: the state folder; one in `folder` without it.
  ///   - arguments: further ones of `serve`.
  ///   - tracer: a command that runs the program.
  public init(
    in folder: TemporaryFolder, name: String = "pico-auth", state: String? = nil, workers: Int = 1,
    threads: Int = 4, settings: String = Backend.settings, environment: [String: String] = [:],
    arguments: [String] = [], tracer: [String] = []
  ) throws {
    self.state = state ?? folder.file("state")
    socket = folder.file("\(name).sock")
    config = try folder.write(
      "\(name).yaml", "server_auth:\n  state_dir: \(self.state)\n\(settings)\n")
    child = try Child(
      tracer + [
        Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--workers", "\(workers)",
        "--threads", "\(threads)", "--config", config,
      ] + arguments, environment: environment, log: folder.file("\(name).log"))
    let socket = socket
    let child = child
    // The first worker answers before the last one is started. Under a tracer they are nobody's children.
    let isUp = { Self.answers(socket) && (child.children.count == workers || !tracer.isEmpty) }
    guard eventually(within: 30, { isUp() || !child.isRunning }), child.isRunning else {
      throw StartFailure(log: child.output)
    }
  }

  public struct StartFailure: Error { public let log: String }

  /// Whether somebody serves behind a socket.
  public static func answers(_ socket: String) -> Bool {
    (try? FastCGIClient(unix: socket).get("/jwks").status) == 200
  }
}

extension FastCGIClient: AuthBackend {
  public func send(
    _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
  ) throws -> HTTPAnswer {
    try sendRaw(request(method, path, fields: fields, body: body))
    return try answer()
  }

  /// A request as nginx sends it: all of the path in SCRIPT_NAME.
  public func request(
    _ method: String, _ path: String, fields: [(String, String)] = [], body: [UInt8]? = nil
  ) -> [UInt8] {
    let target = path.hasPrefix("//") ? String(path.dropFirst()) : "/api/v1/auth" + path
    let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
    var variables = [
      ("REQUEST_METHOD", method), ("SCRIPT_NAME", parts[0]),
      ("QUERY_STRING", parts.count > 1 ? parts[1] : ""),
      ("CONTENT_LENGTH", body.map { "\($0.count)" } ?? ""), ("REMOTE_ADDR", "127.0.0.1"),
    ]
    for (name, value) in fields {
      let variable = name.uppercased().replacingOccurrences(of: "-", with: "_")
      variables.append((variable == "CONTENT_TYPE" ? variable : "HTTP_" + variable, value))
    }
    return request(variables, body: body ?? [])
  }

  public func get(_ path: String) throws -> HTTPAnswer { try send("GET", path) }
}
