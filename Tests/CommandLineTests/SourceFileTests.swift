import Foundation
import TestSupport
import Testing

/// The files that settings come from: configuration and secrets.
@Suite struct SourceFileTests {
  private let folder = TemporaryFolder()
  private static let isRoot = getuid() == 0

  private func config(_ settings: String = "", mode: Int = 0o600) throws -> String {
    try folder.write(
      "config.yaml", "server_auth:\n  state_dir: \(folder.file("state"))\n\(settings)", mode: mode)
  }

  private func run(
    _ arguments: [String], secret: String? = nil, config: String, as user: String? = nil
  ) throws -> CommandResult {
    var environment = ["PICO_AUTH_CONFIG": config]
    environment["SERVER_AUTH_FLEET_MINT_SECRET_FILE"] = secret
    let identity = user.map { ["setpriv", "--reuid", $0, "--clear-groups"] } ?? []
    return try Tool.run(["timeout", "30"] + identity + [Tool.picoAuth] + arguments, environment: environment)
  }

  @Test(arguments: [0o666, 0o620, 0o602])
  func aFileThatOthersCanWriteToIsRefused(_ mode: Int) throws {
    let good = try folder.write("good", "0123456789-fleet-secret")
    let secret = try folder.write("secret", "0123456789-fleet-secret", mode: mode)
    let socket = "unix:\(folder.file("s"))"
    for (config, secret, bad) in [
      (try config(), secret, secret),
      (try folder.write("c.yaml", "", mode: mode), good, folder.file("c.yaml")),
    ] {
      for command in [
        ["check"], ["serve", "--listen", socket], ["tokens", "list"], ["print-config", "nginx"],
      ] {
        let result = try run(command, secret: secret, config: config)
        #expect(result.status == 1, "\(command)")
        #expect(
          result.errors.contains("\(bad): can be written by others: chmod go-w \(bad)"), "\(result.errors)")
      }
      #expect(try run(["check"], secret: good, config: self.config()).status == 0)
    }
  }

  /// Whoever can write to a folder on the way to it can put another in its place.
  @Test func aFileInAFolderThatOthersCanWriteToIsRefused() throws {
    let good = try config()
    try folder.write("open/deep/config.yaml", "")
    try folder.write("open/secret", "0123456789-fleet-secret")
    let open = folder.file("open")
    #expect(symlink("\(open)/deep/config.yaml", folder.file("link.yaml")) == 0)
    for (mode, status): (mode_t, Int32) in [(0o777, 1), (0o775, 1), (0o1777, 0), (0o755, 0)] {
      #expect(chmod(open, mode) == 0)
      for (config, secret) in [
        ("\(open)/deep/config.yaml", nil), (folder.file("link.yaml"), nil), (good, "\(open)/secret"),
      ] {
        let result = try run(["check"], secret: secret, config: config)
        #expect(result.status == status, "\(mode) \(config): \(result.errors)")
        #expect(result.errors.contains("chmod go-w \(open)") == (status == 1), "\(result.errors)")
      }
    }
  }

  @Test func aScriptAnswers503() throws {
    let file = try config(mode: 0o666)
    let result = try Tool.run(
      ["timeout", "30", Tool.picoAuth],
      environment: [
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/api/v1/auth/jwks",
        "PICO_AUTH_CONFIG": file,
      ])
    #expect(result.output.hasPrefix("Status: 503"), "\(result.output)")
    #expect(!result.output.contains(file))
    #expect(
      result.errors.contains("\(file): can be written by others: chmod go-w \(file)"), "\(result.errors)")
  }

  /// A reload that would read what others wrote changes nothing.
  @Test func aReloadIsRefused() throws {
    let backend = try Backend(in: folder)
    let workers = backend.child.children
    #expect(chmod(backend.config, 0o666) == 0)
    backend.child.kill(SIGHUP)
    #expect(eventually { backend.child.output.contains("configuration not reloaded") })
    #expect(backend.child.output.contains("\(backend.config): can be written by others"))
    #expect(backend.child.children == workers)
    #expect(Backend.answers(backend.socket))
  }

  @Test(.enabled(if: isRoot, "only root can give files away"))
  func aFileOfAnotherUserIsRefused() throws {
    let file = try config(mode: 0o644)
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(try run(["print-config", "nginx"], config: file, as: "nobody").status == 0)
    #expect(try Tool.run(["chown", "daemon", file]).status == 0)
    for (command, user) in [(["print-config", "nginx"], "nobody"), (["check", "--user", "nobody"], nil)] {
      let result = try run(command, config: file, as: user)
      #expect(result.status == 1, "\(command)")
      #expect(
        result.errors.contains(
          "\(file): belongs to user daemon, and this process runs as nobody: chown root"),
        "\(result.errors)")
    }
    #expect(try run(["print-config", "nginx"], config: file, as: "daemon").status == 0)
  }

  @Test func aSecretThatEverybodyCanReadIsWarnedOf() throws {
    let warning = "holds a secret and can be read by everybody"
    let secret = "  fleet_mint_secret: 0123456789-fleet-secret\n"
    let open = try config(secret, mode: 0o644)
    let warned = try run(["check"], config: open)
    #expect(warned.status == 0, "\(warned.errors)")
    #expect(warned.errors.contains("warning: \(open) \(warning): chmod o-r \(open)"), "\(warned.errors)")
    let file = try folder.write("secret", "0123456789-fleet-secret", mode: 0o604)
    #expect(
      try run(["check"], secret: file, config: try config()).errors.contains("warning: \(file) \(warning)"))
    // Serve says so in its log.
    let backend = try Backend(
      in: folder, settings: "", environment: ["SERVER_AUTH_FLEET_MINT_SECRET_FILE": file])
    #expect(backend.child.output.contains("\(file) \(warning)"), "\(backend.child.output)")
    // No secret, or nobody but a group.
    #expect(try !run(["check"], config: config(mode: 0o644)).errors.contains(warning))
    #expect(try !run(["check"], config: config(secret, mode: 0o640)).errors.contains(warning))
  }
}
