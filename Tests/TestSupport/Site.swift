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
  private let helpers: [Child]

  /// - Parameters:
  ///   - state: the state folder; one of its own without it.
  ///   - port: a port that `serve` listens on in place of its socket.
  ///   - proxyPort: a port, and ``proxyAddress`` an address, of a proxy's, where `verify` is open as the comments in the shipped
  ///     files of lighttpd and Apache say.
  ///   - pages: a script, and the names below `htdocs` that it has.
  ///   - helpers: what runs beside it, and is stopped with it.
  ///   - isPrefork: whether Apache has processes without threads, and so mod_cgi in place of mod_cgid.
  ///   - environment: what `serve` gets besides.
  ///   - extra: lines of the server's own language, for the site. `htdocs` stands for the folder that the site shows.
  ///   - global: lines for all of Apache.
  public init(
    _ kind: Kind, state: String? = nil, settings: String = Backend.settings, listeningOn tcp: Int? = nil,
    proxyPort: Int? = nil, pages: (of: String, at: [String]) = ("", []), helpers: [Child] = [],
    isPrefork: Bool = false, environment: [String: String] = [:], extra: String = "", global: String = ""
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

    self.helpers = helpers
    let htdocs = folder.file("htdocs")
    try FileManager.default.createDirectory(atPath: htdocs, withIntermediateDirectories: true)
    for page in pages.at {
      let path = "\(htdocs)/\(page)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      _ = try Tool.run(["cp", pages.of, path])
    }
    var extra = extra.replacingOccurrences(of: "htdocs", with: htdocs)
    let address = tcp.map { "127.0.0.1:\($0)" } ?? "unix:\(folder.file("pico-auth.sock"))"
    if kind == .nginx || kind == .lighttpd || kind == .apacheProxy {
      let user = getuid() == 0 ? ["--user", Self.account] : []
      backend = try Child(
        [program, "serve", "--listen", address, "--workers", "2", "--config", config] + user,
        environment: environment, log: folder.file("backend.log"))
    } else {
      backend = nil
    }

    let target = [
      .nginx: "nginx", .lighttpd: "lighttpd", .lighttpdSpawned: "lighttpd", .lighttpdCGI: "lighttpd",
    ][kind]
    let printed = try Tool.run(
      [
        program, "print-config", target ?? "apache", "--directory", folder.path, "--listen", address,
        "--config", config,
        "--program", program,
      ])
    guard printed.status == 0 else { throw Backend.StartFailure(log: printed.errors) }
    /// A test's own places instead of the host's.
    func adapt(_ name: String, _ replacements: [String: String]) throws {
      var text = try folder.read(name)
      for (old, new) in replacements { text = text.replacingOccurrences(of: old, with: new) }
      try folder.write(name, text)
    }
    let command: [String]
    switch kind {
    case .nginx:
      // No limits, which have a test of their own.
      try adapt(
        "pico-auth-http.conf",
        ["/var/cache/nginx-pico-auth": folder.file("keys"), "zone $pico_auth_client": "zone \"\""])
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
          fastcgi_cache_path \(folder.path)/answers keys_zone=pico_auth_gate:1m use_temp_path=off;
          server { listen 127.0.0.1:\(port); client_max_body_size 4m; include pico-auth-locations.conf; \(extra) }
        }
        """)
      command = ["nginx", "-p", folder.path, "-c", main]
    case .lighttpd, .lighttpdSpawned, .lighttpdCGI:
      let name =
        [.lighttpd: "pico-auth.conf", .lighttpdSpawned: "pico-auth-spawned.conf"][kind]
        ?? "pico-auth-cgi.conf"
      try adapt(name, ["/run/lighttpd/pico-auth.sock": try Self.sockets(folder) + "/spawned.sock"])
      if let proxyPort {
        let block = try Self.opened(folder.read(name), from: "$HTTP[\"url\"]", to: "\n}\n") {
          $0.replacing("(?!verify$)", with: "")
        }
        for condition in [
          #"$SERVER["socket"] == "127.0.0.1:\#(proxyPort)""#,
          #"$HTTP["remote-ip"] == "\#(Self.proxyAddress)""#,
        ] { extra += "\n\(condition) {\n\(block.changed)\n}\n" }
      }
      let main = try folder.write(
        "lighttpd.conf",
        """
        server.document-root = "\(htdocs)"
        server.bind = "127.0.0.1"
        server.port = \(port)
        \(getuid() == 0 ? "server.username = \"\(Self.account)\"" : "")
        include "\(name)"
        \(extra)
        """)
      command = ["lighttpd", "-D", "-f", main]
    case .apacheProxy, .apacheFcgid, .apacheCGI:
      let name =
        [.apacheProxy: "pico-auth-proxy.conf", .apacheFcgid: "pico-auth-fcgid.conf"][kind]
        ?? "pico-auth-cgi.conf"
      if let proxyPort {
        let (_, rest) = try Self.opened(
          folder.read(name), from: "<Location \"/api/v1/auth/verify\">", to: "</Location>"
        ) { _ in "" }
        try folder.write("opened.conf", rest)
        extra +=
          "</VirtualHost>\nListen 127.0.0.1:\(proxyPort)\n<VirtualHost *:\(proxyPort)>\nInclude opened.conf\n"
      }
      // mpm_prefork ends by a signal to its whole process group.
      command =
        (isPrefork ? ["setsid"] : []) + [
          "apache2", "-D", "FOREGROUND", "-f",
          try Self.apache(folder, port: port, isPrefork, site: "Include \(name)\n\(extra)", global),
        ]
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
    for helper in helpers { helper.stop(SIGTERM, within: seconds) }
    return [server.stop(SIGTERM, within: seconds)]
      + (backend.map { [$0.stop(SIGTERM, within: seconds)] } ?? [])
  }

  private static let account = "www-data"
  public static let proxyAddress = "127.0.0.66"

  /// A part of a shipped file, changed, and the file with it.
  private static func opened(
    _ text: String, from start: String, to end: String, _ change: (String) -> String
  ) throws -> (changed: String, file: String) {
    guard let first = text.range(of: "\n" + start)?.lowerBound,
      let last = text.range(of: end, range: first..<text.endIndex)?.upperBound
    else { throw Backend.StartFailure(log: "no \(start)") }
    let part = String(text[first..<last])
    let changed = change(part)
    guard changed != part else { throw Backend.StartFailure(log: "nothing to open in \(part)") }
    return (changed, text.replacingCharacters(in: first..<last, with: changed))
  }

  private static func openUp(_ folder: String) throws {
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
  }

  private static func giveAway(_ path: String) throws {
    guard getuid() == 0, let user = getpwnam(account) else { return }
    guard chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
      throw Socket.Failure(call: "chown", code: errno)
    }
  }

  private static func apache(
    _ folder: TemporaryFolder, port: Int, _ isPrefork: Bool, site: String, _ global: String
  ) throws -> String {
    let modules = [
      isPrefork ? "mpm_prefork" : "mpm_event", "authn_core", "authz_core", "authz_user", "alias", "env",
      "setenvif", "headers", "proxy",
      "proxy_fcgi", "proxy_http",
      "authnz_fcgi", "fcgid", isPrefork ? "cgi" : "cgid",
    ].map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }
      .joined(separator: "\n")
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
      DocumentRoot \(folder.path)/htdocs
      \(isPrefork ? "" : "ScriptSock cgid.sock")
      FcgidIPCDir \(try sockets(folder))
      FcgidProcessTableFile \(folder.path)/fcgid.table
      Listen 127.0.0.1:\(port)
      \(user)
      \(isPrefork ? "ServerLimit 8" : "ServerLimit 2\nThreadsPerChild 16")
      MaxRequestWorkers \(isPrefork ? 8 : 32)
      \(global)
      <VirtualHost *:\(port)>
      \(site)
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
