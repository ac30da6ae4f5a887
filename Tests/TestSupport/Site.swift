import Foundation

/// The program behind one of the web servers, with the shipped configuration as `print-config` fills it in.
public final class Site: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case nginx = "nginx"
    case lighttpd = "lighttpd"
    case lighttpdSpawned = "lighttpd that spawns"
    case apacheProxy = "Apache mod_proxy_fcgi"
    case apacheFcgid = "Apache mod_fcgid"
    case lighttpdCGI = "lighttpd CGI"
    case apacheCGI = "Apache CGI"

    /// Whether each request is a process.
    public var isCGI: Bool { self == .lighttpdCGI || self == .apacheCGI }

    /// Whether the web server starts the workers.
    public var spawns: Bool { self == .lighttpdSpawned || self == .apacheFcgid }
  }

  public let client: HTTPClient
  public let server: Child
  /// What `serve` runs in, where the server needs it.
  public let backend: Child?
  public let state: String
  private let folder = TemporaryFolder()

  /// - Parameters:
  ///   - state: the state folder; one of its own without it.
  ///   - extra: lines of the server's own language, for the site.
  public init(
    _ kind: Kind, state: String? = nil, settings: String = Backend.settings, extra: String = ""
  ) throws {
    let folder = folder
    self.state = state ?? folder.file("state")
    let port = Socket.freePort()
    try Self.openUp(folder.path)
    try FileManager.default.createDirectory(atPath: self.state, withIntermediateDirectories: true)
    let config = try folder.write("config.yaml", "server_auth:\n  state_dir: \(self.state)\n\(settings)\n")
    // Apache runs its children as another user where it can, and so do we.
    for path in [self.state, config] { try Self.giveAway(path) }
    // Whoever they are, they can't look into folders of ours.
    let program = folder.file("pico-auth")
    // Not by this process: a child that another test starts meanwhile would have the file open for writing, and what is
    // open for writing can't be run.
    _ = try Tool.run(["cp", Tool.picoAuth, program])

    let socket = folder.file("pico-auth.sock")
    if kind == .nginx || kind == .lighttpd || kind == .apacheProxy {
      let user = getuid() == 0 ? ["--user", Self.account] : []
      backend = try Child(
        [program, "serve", "--listen", "unix:\(socket)", "--workers", "2", "--config", config] + user,
        log: folder.file("backend.log"))
    } else {
      backend = nil
    }

    func printed(_ target: String, _ file: String) throws -> String {
      let result = try Tool.run(
        [
          program, "print-config", target, file, "--listen", "unix:\(socket)", "--config", config,
          "--program", program,
        ])
      guard result.status == 0 else { throw Backend.StartFailure(log: result.errors) }
      return result.output
    }
    let command: [String]
    switch kind {
    case .nginx:
      for name in ["http", "locations", "fastcgi", "keys"] {
        let text = try printed("nginx", "pico-auth-\(name).conf")
        // A test's folder instead of the host's; and no limits, which have a test of their own.
        try folder.write(
          "pico-auth-\(name).conf",
          text.replacingOccurrences(of: "/var/cache/nginx-pico-auth", with: folder.file("keys"))
            .replacingOccurrences(of: "$binary_remote_addr", with: "\"\""))
      }
      let user = getuid() == 0 ? "user \(Self.account);" : ""
      let paths = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
        .map { "\($0)_temp_path \(folder.path)/tmp-\($0);" }.joined(separator: " ")
      let main = try folder.write(
        "nginx.conf",
        """
        daemon off; \(user) worker_processes 1; pid nginx.pid; error_log stderr warn;
        events { worker_connections 1024; }
        http {
          access_log off; \(paths)
          include pico-auth-http.conf;
          server { listen 127.0.0.1:\(port); \(extra) include pico-auth-locations.conf; }
        }
        """)
      command = ["nginx", "-p", folder.path, "-c", main]
    case .lighttpd, .lighttpdSpawned, .lighttpdCGI:
      let name =
        [.lighttpd: "pico-auth.conf", .lighttpdSpawned: "pico-auth-spawned.conf"][kind]
        ?? "pico-auth-cgi.conf"
      try folder.write(
        "site.conf",
        try printed("lighttpd", name)
          .replacingOccurrences(
            of: "/run/lighttpd/pico-auth.sock", with: try Self.sockets(folder) + "/spawned.sock"))
      let main = try folder.write(
        "lighttpd.conf",
        """
        server.document-root = "\(folder.path)"
        server.bind = "127.0.0.1"
        server.port = \(port)
        \(getuid() == 0 ? "server.username = \"\(Self.account)\"" : "")
        \(extra)
        include "site.conf"
        """)
      command = ["lighttpd", "-D", "-f", main]
    case .apacheProxy, .apacheFcgid, .apacheCGI:
      let name =
        [.apacheProxy: "pico-auth-proxy.conf", .apacheFcgid: "pico-auth-fcgid.conf"][kind]
        ?? "pico-auth-cgi.conf"
      try folder.write("site.conf", try printed("apache", name))
      command = ["apache2", "-D", "FOREGROUND", "-f", try Self.apache(folder, port: port, extra: extra)]
    }
    server = try Child(command, folder: folder.path, log: folder.file("server.log"))
    client = HTTPClient(port: port)
    guard eventually(within: 30, { (try? client.get("/jwks").status) == 200 || !server.isRunning }),
      server.isRunning
    else { throw Backend.StartFailure(log: output) }
  }

  // Servers whose master is killed leave processes behind.
  deinit { stop() }

  /// What server and workers logged.
  public var output: String {
    server.output + (backend?.output ?? "") + ((try? folder.read("error.log")) ?? "")
  }

  /// Ends the server, then `serve`, each in its own way.
  /// - Returns: their exit statuses; nil for one that didn't end in time.
  @discardableResult
  public func stop(within seconds: Double = 10) -> [Int32?] {
    [server.stop(SIGTERM, within: seconds)] + (backend.map { [$0.stop(SIGTERM, within: seconds)] } ?? [])
  }

  private static let account = "www-data"

  private static func openUp(_ folder: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
  }

  private static func giveAway(_ path: String) throws {
    guard getuid() == 0, let user = getpwnam(account) else { return }
    guard chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
      throw Socket.Failure(call: "chown", code: errno)
    }
  }

  private static func apache(_ folder: TemporaryFolder, port: Int, extra: String) throws -> String {
    let modules = ["mpm_event", "authz_core", "alias", "env", "proxy", "proxy_fcgi", "fcgid", "cgid"]
      .map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }.joined(separator: "\n")
    let user = getuid() == 0 ? "User \(account)\nGroup \(account)" : ""
    return try folder.write(
      "apache.conf",
      """
      \(modules)
      ServerRoot \(folder.path)
      ServerName localhost
      PidFile apache.pid
      ErrorLog error.log
      Mutex pthread
      DefaultRuntimeDir \(folder.path)
      DocumentRoot \(folder.path)
      ScriptSock cgid.sock
      FcgidIPCDir \(try sockets(folder))
      FcgidProcessTableFile \(folder.path)/fcgid.table
      Listen 127.0.0.1:\(port)
      \(user)
      ServerLimit 2
      ThreadsPerChild 16
      MaxRequestWorkers 32
      <VirtualHost *:\(port)>
      \(extra)
      Include site.conf
      </VirtualHost>
      """)
  }

  /// A folder for the sockets of processes that a web server starts, which its own processes must get to.
  private static func sockets(_ folder: TemporaryFolder) throws -> String {
    let path = folder.file("sockets")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try giveAway(path)
    return path
  }
}
