import Foundation
import TestSupport
import Testing

/// `print-config`, and the configurations that are shipped.
@Suite struct DeploymentTests {
  private let folder = TemporaryFolder()
  private static let folders = [
    "nginx": "nginx", "lighttpd": "deploy/lighttpd", "apache": "deploy/apache", "systemd": "deploy/systemd",
  ]

  private func print(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    try Tool.run([Tool.picoAuth, "print-config"] + arguments, environment: environment)
  }

  /// `make configs` prints them anew.
  @Test(arguments: folders.keys.sorted())
  func whatIsShippedIsWhatIsPrinted(_ target: String) throws {
    let result = try print([target, "--directory", folder.path, "--program", "/usr/bin/pico-auth"])
    try #require(result.status == 0, "\(result.errors)")
    let shipped = "\(WebServer.project)/\(try #require(Self.folders[target]))"
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.isEmpty)
    for name in names {
      #expect(
        try folder.read(name) == String(contentsOfFile: "\(shipped)/\(name)", encoding: .utf8), "\(name)")
    }
  }

  @Test func valuesComeFromTheConfiguration() throws {
    let config = try folder.write(
      "config.yaml", "server_auth:\n  base_path: /id.v2\n  state_dir: /srv/auth\n")
    let options = ["--config", config, "--listen", "127.0.0.1:9001", "--workers", "3", "--threads", "8"]
    let nginx = try print(["nginx"] + options).output
    #expect(nginx.contains("# --- pico-auth-http.conf"))
    #expect(nginx.contains("server 127.0.0.1:9001;"))
    #expect(nginx.contains("keepalive 24;"))
    #expect(nginx.contains("location = /id.v2/sign-in {"))
    let apache = try print(["apache", "pico-auth-proxy.conf"] + options).output
    #expect(apache.contains(#"ProxyPass "/id.v2/" "fcgi://127.0.0.1:9001/id.v2/""#))
    #expect(apache.contains(#"<LocationMatch "^(/id\.v2/|"#))
    let lighttpd = try print(["lighttpd", "pico-auth.conf"] + options).output
    #expect(lighttpd.contains(#""host" => "127.0.0.1", "port" => 9001"#))
    let systemd = try print(["systemd"] + options).output
    #expect(systemd.contains("--workers 3 --threads 8 --config \(config)"))
    #expect(systemd.contains("d /srv/auth :0700"))
    #expect(systemd.contains("ListenStream=127.0.0.1:9001"))
  }

  @Test func noSecretIsPrinted() throws {
    for target in Self.folders.keys {
      let result = try print(
        [target], environment: ["SERVER_AUTH_FLEET_MINT_SECRET": "0123456789-fleet-secret"])
      #expect(result.status == 0)
      #expect(!result.output.contains("0123456789"))
    }
  }

  @Test func whatIsNotThereIsRefused() throws {
    #expect(try print(["iis"]).status != 0)
    #expect(try print(["nginx", "pico-auth-spawned.conf"]).status == 1)
    #expect(try print(["nginx", "--directory", "/proc/nowhere"]).status == 1)
    #expect(try print(["nginx", "--config", "/proc/nowhere"]).status == 1)
  }

  /// What systemd itself makes of the units.
  @Test func theServiceIsHardened() throws {
    let units = "\(WebServer.project)/deploy/systemd"
    let security = try Tool.run(
      ["systemd-analyze", "security", "--offline=true", "--no-pager", "\(units)/pico-auth.service"])
    let line = security.output.split(separator: "\n").last { $0.contains("Overall exposure level") } ?? ""
    let exposure = try #require(line.firstMatch(of: #/: ([0-9.]+)/#).flatMap { Double($0.1) })
    #expect(exposure <= 2.0, "\(security.output)")
    for name in ["pico-auth.service", "pico-auth.socket"] {
      try FileManager.default.copyItem(atPath: "\(units)/\(name)", toPath: folder.file(name))
    }
    // The program is where the package puts it, which needs not be here.
    let service = try folder.read("pico-auth.service").replacing("/usr/bin/pico-auth", with: Tool.picoAuth)
    try folder.write("pico-auth.service", service)
    let verify = try Tool.run(
      [
        "systemd-analyze", "verify", "--man=no", folder.file("pico-auth.service"),
        folder.file("pico-auth.socket"),
      ])
    #expect(!(verify.output + verify.errors).contains("pico-auth."), "\(verify.errors)")
  }
}
