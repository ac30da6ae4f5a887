import Foundation

/// Real web servers in front of the program, each on a free port with its files in a folder of its own.
public enum WebServer {
  /// The root of the project.
  public static let project = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// A server that runs, and how to talk to it.
  public final class Running: Sendable {
    public let client: HTTPClient
    public let child: Child
    private let folder: TemporaryFolder
    private let helpers: [Child]

    init(_ child: Child, port: Int, folder: TemporaryFolder, helpers: [Child] = []) throws {
      self.child = child
      self.folder = folder
      self.helpers = helpers
      client = HTTPClient(port: port)
      guard eventually(within: 20, { (try? Socket(port: port)) != nil || !child.isRunning }),
        child.isRunning
      else { throw Backend.StartFailure(log: child.output) }
    }

    // nginx's workers would outlive a master that is killed.
    deinit { for child in [child] + helpers { child.stop(SIGTERM) } }
  }

  /// nginx with the shipped files, in front of sockets; without rate limits, which have a test of their own.
  public static func nginx(_ sockets: [String]) throws -> Running {
    try shippedNginx(sockets) { $0.replacingOccurrences(of: "zone $pico_auth_client", with: "zone \"\"") }
  }

  /// nginx with the shipped files as they are, rate limits included, but for the path of the socket.
  /// - Parameter extra: lines for the server block.
  public static func limitedNginx(_ socket: String, extra: String = "") throws -> Running {
    try shippedNginx([socket], extra: extra) { $0 }
  }

  private static func shippedNginx(
    _ sockets: [String], extra: String = "", changing change: (String) -> String
  ) throws -> Running {
    let folder = TemporaryFolder()
    let port = Socket.freePort()
    for name in try FileManager.default.contentsOfDirectory(atPath: "\(project)/nginx")
    where name != "nginx.conf" {
      try FileManager.default.copyItem(atPath: "\(project)/nginx/\(name)", toPath: folder.file(name))
    }
    let servers = sockets.map { "server unix:\($0);" }.joined(separator: " ")
    let http = change(try folder.read("pico-auth-http.conf"))
      .replacingOccurrences(of: "server unix:/run/pico-auth/pico-auth.sock;", with: servers)
      .replacingOccurrences(of: "/var/cache/nginx-pico-auth", with: folder.file("keys"))
    try folder.write("pico-auth-http.conf", http)
    return try nginx(
      "include pico-auth-http.conf;", "include pico-auth-locations.conf; \(extra)", port: port, folder: folder
    )
  }

  /// nginx in front of fcgiwrap, which runs the program anew for each request.
  public static func nginxCGI(_ environment: [String: String]) throws -> Running {
    let folder = TemporaryFolder()
    let port = Socket.freePort()
    let socket = folder.file("fcgiwrap.sock")
    let wrapper = try Child(
      ["fcgiwrap", "-s", "unix:\(socket)"], environment: environment,
      log: folder.file("fcgiwrap.log"))
    _ = eventually { (try? Socket(unix: socket)) != nil }
    return try nginx(
      "",
      """
      location /api/v1/auth/ {
        client_max_body_size 1m;
        fastcgi_pass unix:\(socket);
        fastcgi_param SCRIPT_FILENAME \(Tool.picoAuth);
        fastcgi_param GATEWAY_INTERFACE CGI/1.1;
        fastcgi_param SERVER_PROTOCOL $server_protocol;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param SCRIPT_NAME $fastcgi_script_name;
        fastcgi_param QUERY_STRING $query_string;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_param CONTENT_LENGTH $content_length;
      }
      """, port: port, folder: folder, helpers: [wrapper])
  }

  private static func nginx(
    _ http: String, _ server: String, port: Int, folder: TemporaryFolder, helpers: [Child] = []
  ) throws -> Running {
    let user = getuid() == 0 ? "user root;" : ""
    let paths = ["client_body", "fastcgi", "proxy", "scgi", "uwsgi"]
      .map { "\($0)_temp_path \(folder.path)/tmp-\($0);" }.joined(separator: " ")
    let config = try folder.write(
      "nginx.conf",
      """
      daemon off; \(user) worker_processes 1; pid nginx.pid; error_log stderr warn;
      events { worker_connections 1024; }
      http { access_log off; \(paths) \(http) server { listen 127.0.0.1:\(port); \(server) } }
      """)
    let child = try Child(
      ["nginx", "-p", folder.path, "-c", config], folder: folder.path, log: folder.file("nginx.log"))
    return try Running(child, port: port, folder: folder, helpers: helpers)
  }

  /// lighttpd with the program as a plain CGI script at `/cgi-bin/pico-auth.cgi`.
  public static func lighttpdCGI(_ environment: [String: String]) throws -> Running {
    let folder = TemporaryFolder()
    let port = Socket.freePort()
    try FileManager.default.createDirectory(
      atPath: folder.file("htdocs/cgi-bin"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("htdocs/cgi-bin/pico-auth.cgi"), withDestinationPath: Tool.picoAuth)
    let variables = environment.map { "\"\($0.key)\" => \"\($0.value)\"" }.joined(separator: ", ")
    let config = try folder.write(
      "lighttpd.conf",
      """
      server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
      server.document-root = "\(folder.file("htdocs"))"
      server.bind = "127.0.0.1"
      server.port = \(port)
      setenv.set-environment = (\(variables))
      alias.url = ("/api/v1/auth" => "\(folder.file("htdocs/cgi-bin/pico-auth.cgi"))")
      $HTTP["url"] =~ "^/(cgi-bin|api)/" { cgi.assign = ("" => "") }
      """)
    let child = try Child(["lighttpd", "-D", "-f", config], log: folder.file("lighttpd.log"))
    return try Running(child, port: port, folder: folder)
  }
}
