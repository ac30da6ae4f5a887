import Foundation
import TestSupport
import Testing

/// What `make install` and `make deb` put on a host, in a folder that stands for it.
@Suite struct PackageTests {
  private let folder = TemporaryFolder()
  private var root: String { folder.file("root") }

  private func script(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    let result = try Tool.run(
      arguments.enumerated().map { $0 == 0 ? "\(WebServer.project)/scripts/\($1)" : $1 },
      environment: environment.merging(["PROGRAM": Tool.picoAuth]) { given, _ in given })
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  @Test func anInstallationFollowsTheFileHierarchy() throws {
    let environment = ["DESTDIR": root, "PREFIX": "/opt/pico"]
    _ = try script(["install"], environment: environment)
    let program = try Tool.run(["\(root)/opt/pico/bin/pico-auth", "--version"])
    #expect(program.status == 0)
    let unit = try folder.read("root/opt/pico/lib/systemd/system/pico-auth.service")
    #expect(unit.contains("ExecStart=/opt/pico/bin/pico-auth serve"))
    let config = "root/etc/pico-auth/config.yaml"
    let mode =
      try FileManager.default.attributesOfItem(atPath: folder.file(config))[.posixPermissions] as? Int
    #expect(mode == 0o640)
    let check = try Tool.run(["\(root)/opt/pico/bin/pico-auth", "check", "--config", folder.file(config)])
    #expect(check.status == 0, "\(check.errors)")
    for file in [
      "share/man/man8/pico-auth.8", "share/pico-auth/nginx/pico-auth-locations.conf",
      "share/pico-auth/apache/pico-auth-fcgid.conf", "share/pico-auth/lighttpd/pico-auth-spawned.conf",
      "share/pico-auth/fail2ban/pico-auth.conf",
      "lib/sysusers.d/pico-auth.conf", "lib/tmpfiles.d/pico-auth.conf", "lib/systemd/system/pico-auth.socket",
    ] {
      #expect(FileManager.default.isReadableFile(atPath: "\(root)/opt/pico/\(file)"), "\(file)")
    }
    // A second installation leaves what somebody has edited.
    try folder.write(config, "server_auth:\n  issuer: mine\n", mode: 0o640)
    _ = try script(["install"], environment: environment)
    #expect(try folder.read(config).contains("mine"))
  }

  /// The manual names every command, and lets itself be read.
  @Test func theManualIsComplete() throws {
    let manual = try String(contentsOfFile: "\(WebServer.project)/deploy/man/pico-auth.8", encoding: .utf8)
    let help = try Tool.run([Tool.picoAuth, "--help"]).output
    let commands =
      help.components(separatedBy: "SUBCOMMANDS:").last?.matches(of: #/\n  ([a-z-]+) +[A-Z]/#) ?? []
    #expect(commands.count > 5)
    for command in commands { #expect(manual.contains(String(command.1)), "\(command.1)") }
    let options = try Tool.run([Tool.picoAuth, "serve", "--help"]).output.matches(of: #/\n  --([a-z-]+)/#)
    #expect(options.count > 8)
    for option in options where !["version", "help"].contains(option.1) {
      #expect(
        manual.contains(option.1.replacing("-", with: "\\-")) || manual.contains(option.1), "\(option.1)")
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root can give files to the package's user"))
  func thePackageInstallsServesAndGoes() throws {
    let package = try script(["deb", folder.file("deb")]).output.split(separator: "\n").last.map(String.init)
    for path in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "etc"] {
      try FileManager.default.createDirectory(atPath: "\(root)/\(path)", withIntermediateDirectories: true)
    }
    try folder.write("root/var/lib/dpkg/status", "")
    try folder.write("root/etc/group", "root:x:0:\nwww-data:x:33:\n", mode: 0o644)
    func dpkg(_ arguments: [String]) throws -> CommandResult {
      try Tool.run(
        ["dpkg", "--root=\(root)", "--force-depends", "--force-script-chrootless"] + arguments)
    }
    let installed = try dpkg(["--install", try #require(package)])
    try #require(installed.status == 0, "\(installed.errors)")

    // The user is the folder's own, not the host's: by number.
    let user = try folder.read("root/etc/passwd").split(separator: "\n").first { $0.hasPrefix("pico-auth:") }
    let number = try #require(user?.split(separator: ":")[2])
    var status = stat()
    #expect(stat("\(root)/var/lib/pico-auth", &status) == 0)
    #expect("\(status.st_uid)" == number && status.st_mode & 0o777 == 0o700)
    #expect(stat("\(root)/etc/pico-auth/config.yaml", &status) == 0)
    #expect(status.st_uid == 0 && "\(status.st_gid)" == number && status.st_mode & 0o777 == 0o640)

    let socket = folder.file("s.sock")
    let service = try Child(
      [
        "\(root)/usr/bin/pico-auth", "serve", "--listen", "unix:\(socket)", "--workers", "1", "--config",
        "\(root)/etc/pico-auth/config.yaml",
      ], environment: ["SERVER_AUTH_STATE_DIR": "\(root)/var/lib/pico-auth"], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(try FastCGIClient(unix: socket).get("/health/ready").status == 200, "\(service.output)")
    #expect(service.stop(within: 2) == 0)

    let purged = try dpkg(["--purge", "pico-auth"])
    #expect(purged.status == 0, "\(purged.errors)")
    for path in ["etc/pico-auth", "var/lib/pico-auth", "usr/bin/pico-auth", "usr/share/pico-auth"] {
      #expect(!FileManager.default.fileExists(atPath: "\(root)/\(path)"), "\(path)")
    }
  }
}
