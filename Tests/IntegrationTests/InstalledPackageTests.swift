import Foundation
import TestSupport
import Testing
import Wallets

/// The package as it is installed, by each way to start pico-auth: it serves after a boot and after an upgrade, with the keys
/// and revocations of before. Each machine has this host's lighttpd, Apache and nginx.
@Suite(.serialized, .enabled(if: Machine.isPossible, "only root can mount an overlay for a machine"))
struct InstalledPackageTests {
  private let folder = TemporaryFolder()

  @Test func lighttpdThatSpawnsServesAfterABootAndAnUpgrade() throws {
    let machine = try install()
    try giveToTheWebServer(machine)
    let port = Socket.freePort()
    let main = try machine.read("/etc/lighttpd/lighttpd.conf")
      .replacing(#/server.port( *)= 80/#) { "server.port\($0.1)= \(port)" }
    try machine.write(
      "/etc/lighttpd/lighttpd.conf",
      main + "\ninclude \"/usr/share/pico-auth/lighttpd/pico-auth-spawned.conf\"\n")
    var servers: [Child] = []
    try check(machine, user: "www-data", port: port) {
      // As lighttpd.service does.
      let server = try machine.start(
        ["lighttpd", "-D", "-f", "/etc/lighttpd/lighttpd.conf"], log: "lighttpd")
      servers.append(server)
      return Running(processes: [server], restart: nil)
    }
    // Debian's unit hands what lighttpd and its children say to the journal.
    #expect(servers.last?.output.contains("notice pico-auth: refused client=") == true)
  }

  @Test func modFcgidServesAfterABootAndAnUpgrade() throws {
    let machine = try install()
    try giveToTheWebServer(machine)
    let port = Socket.freePort()
    // Debian's apache2 package has its configuration; here are the programs alone.
    let modules = ["mpm_event", "authz_core", "alias", "env", "headers"]
      .map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so\n" }.joined()
    try machine.write(
      "/etc/apache2/apache2.conf",
      modules + """
        Include /etc/apache2/mods-available/fcgid.load
        Include /etc/apache2/mods-available/fcgid.conf
        ServerName localhost
        DefaultRuntimeDir /run/apache2
        PidFile /run/apache2/apache2.pid
        User www-data
        Group www-data
        ErrorLog /var/log/apache2/error.log
        Listen 127.0.0.1:\(port)
        <VirtualHost *:\(port)>
          Include /usr/share/pico-auth/apache/pico-auth-fcgid.conf
        </VirtualHost>

        """)
    try machine.runOrFail(["mkdir", "-p", "/var/log/apache2"])
    try check(machine, user: "www-data", port: port) {
      // As apache2ctl does.
      try machine.runOrFail(["mkdir", "-p", "/run/apache2/socks"])
      let server = try machine.start(
        ["apache2", "-D", "FOREGROUND", "-f", "/etc/apache2/apache2.conf"], log: "apache")
      return Running(processes: [server], restart: nil)
    }
    #expect(try machine.read("/var/log/apache2/error.log").contains("notice pico-auth: refused client="))
  }

  @Test func theUnitsServeAfterABootAndAnUpgrade() throws {
    let machine = try install()
    #expect(try state(of: machine) == "enabled")
    let port = Socket.freePort()
    // As the README has it.
    try machine.runOrFail(["pico-auth", "print-config", "nginx", "--directory", "/etc/nginx"])
    try machine.write(
      "/etc/nginx/nginx.conf",
      """
      daemon off; user www-data; worker_processes 1; pid /run/nginx.pid; error_log stderr;
      events { worker_connections 512; }
      http {
        access_log off;
        include pico-auth-http.conf;
        server { listen 127.0.0.1:\(port); include pico-auth-locations.conf; }
      }
      """)
    try machine.write(
      "/root/systemd.py",
      String(contentsOfFile: "\(WebServer.project)/Tests/Peers/systemd.py", encoding: .utf8))
    try check(machine, user: "pico-auth", port: port) {
      let units = try machine.start(
        ["python3", "/root/systemd.py"]
          + ["socket", "service"].map { "/lib/systemd/system/pico-auth.\($0)" }, log: "units")
      func starts() -> Int { units.output.components(separatedBy: "ready\n").count - 1 }
      let before = starts()
      #expect(eventually { starts() == before + 1 || !units.isRunning })
      let nginx = try machine.start(["nginx"], log: "nginx")
      return Running(processes: [nginx, units]) {
        // As the package's postinst has systemd do; requests wait in the socket meanwhile.
        units.kill(SIGHUP)
        #expect(eventually { starts() == before + 2 || !units.isRunning }, "\(units.output)")
        #expect(units.output.contains("stopped with 0\n"))
      }
    }
  }

  // MARK: - The machine

  private struct Running {
    /// In the order that they are stopped in.
    let processes: [Child]
    /// What an upgrade restarts by itself; nil where the operator restarts the web server.
    let restart: (() -> Void)?

    func stop() {
      let workers = workers
      for process in processes { #expect(process.stop(within: 10) != nil, "\(process.output)") }
      #expect(eventually { workers.allSatisfy { kill($0, 0) != 0 } })
    }

    var workers: [pid_t] {
      processes.flatMap { [$0.identifier] + $0.descendants }.filter {
        (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)) == "pico-auth\n"
      }
    }
  }

  /// A machine with the package, and with the settings that an operator makes.
  private func install() throws -> Machine {
    let machine = try Machine()
    try install(BuiltPackage.path, on: machine)
    let config = try machine.read("/etc/pico-auth/config.yaml")
    try machine.write(
      "/etc/pico-auth/config.yaml",
      config
        + "  fleet_mint_secret: 0123456789-fleet-secret\n  fleet_allowed_roles: [agent, operator, service]\n")
    return machine
  }

  private func install(_ package: String, on machine: Machine) throws {
    // The machine's /tmp is its own.
    try machine.runOrFail(["mkdir", "-p", "/root/packages"])
    let name = (package as NSString).lastPathComponent
    _ = try Tool.run(["cp", package, machine.path("/root/packages/\(name)")])
    try machine.runOrFail(["dpkg", "--force-depends", "--install", "/root/packages/\(name)"])
  }

  /// The commands of docs/deployment.md, one by one.
  private func giveToTheWebServer(_ machine: Machine) throws {
    let text = try machine.read("/usr/share/doc/pico-auth/docs/deployment.md")
    let section = try #require(
      text.components(separatedBy: "### When the web server starts pico-auth\n").last)
    let commands = try #require(section.firstMatch(of: #/```sh\n((?s:.)*?)```/#)?.1)
    #expect(commands.contains("chown -R www-data:www-data /var/lib/pico-auth"))
    // There is no systemd that could stop anything.
    let result = try machine.run(["sh", "-ec", String(commands.replacing(" --now", with: ""))])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try state(of: machine) == "disabled")
  }

  private func state(of machine: Machine) throws -> String {
    try machine.run(["systemctl", "is-enabled", "pico-auth.service"]).output
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  // MARK: - What is served

  /// Serves, boots, serves, is upgraded, serves, boots, serves.
  private func check(_ machine: Machine, user: String, port: Int, start: () throws -> Running) throws {
    let client = HTTPClient(port: port)
    let state = try state(of: machine)
    func isUp() -> Bool { (try? client.get("/jwks").status) == 200 }
    func startAndWait() throws -> Running {
      let running = try start()
      try #require(
        eventually(within: 20) { isUp() || !running.processes.allSatisfy(\.isRunning) } && isUp(),
        "\(running.processes.map(\.output))")
      #expect(try owners(of: running) == [user])
      return running
    }
    var running = try startAndWait()
    let before = try Served(client)
    try before.stillHolds(client)

    running.stop()
    try machine.reboot()
    running = try startAndWait()
    try before.stillHolds(client)
    #expect(try client.postJSON("/sign-in", before.unusedAttempt).status == 401)

    try install(BuiltPackage.upgrade(in: folder), on: machine)
    #expect(
      try machine.run(["dpkg-query", "-W", "-f", "${Version}", "pico-auth"]).output.hasSuffix("+later"))
    #expect(try self.state(of: machine) == state)
    try before.stillHolds(client)
    if let restart = running.restart {
      restart()
    } else {
      running.stop()
      running = try startAndWait()
    }
    let programs = try programs(of: running)
    #expect(programs.count == 1 && programs.allSatisfy { $0.hasSuffix("/usr/bin/pico-auth") }, "\(programs)")
    try before.stillHolds(client)

    running.stop()
    try machine.reboot()
    running = try startAndWait()
    try before.stillHolds(client)
    running.stop()
  }

  /// What was answered at first, and must stay so.
  private struct Served {
    let keys: [UInt8]
    let operatorToken: String
    let revokedToken: String
    let refreshToken: String
    /// A sign-in that its client didn't come to send.
    let unusedAttempt: String

    init(_ client: HTTPClient) throws {
      operatorToken = try client.session("op", role: "operator")
      revokedToken = try client.session("gone", role: "operator")
      let key = try WalletKey(Ed25519Scheme())
      refreshToken = try client.signIn(key).string("refresh_token")
      unusedAttempt = try key.signIn(try client.challenge(key.address))
      keys = try client.get("/jwks").body
      #expect(try client.revoke(claim("jti", of: revokedToken), bearer: operatorToken).status == 200)
    }

    func stillHolds(_ client: HTTPClient) throws {
      #expect(try client.get("/jwks").body == keys)
      #expect(try client.get("//.well-known/jwks.json").body == keys)
      #expect(try client.call("GET", "/mints", bearer: operatorToken).status == 200)
      // As often as there are processes.
      for _ in 0..<4 {
        let refused = try client.call("GET", "/mints", bearer: revokedToken)
        #expect(refused.status == 401 && refused.detail.hasPrefix("Token revoked"), "\(refused.text)")
      }
      #expect(try client.revoked(bearer: operatorToken).contains(claim("jti", of: revokedToken)))
      #expect(try client.postJSON("/refresh", #"{"refresh_token":"\#(refreshToken)"}"#).status == 200)
      #expect(try client.signIn(try WalletKey(Ed25519Scheme())).status == 200)
      #expect(try client.postJSON("/refresh", #"{"refresh_token":"nonsense"}"#).status == 401)
      let ready = try client.get("/health/ready")
      #expect(ready.status == 200, "\(ready.text)")
    }
  }

  /// Whom workers run as.
  private func owners(of running: Running) throws -> Set<String> {
    let names = try running.workers.map { worker in
      let status = try String(contentsOfFile: "/proc/\(worker)/status", encoding: .utf8)
      return try #require(status.firstMatch(of: #/\nUid:\t(\d+)\t/#)).1
    }
    let accounts = try #require(running.processes.first.map { "/proc/\($0.identifier)/root/etc/passwd" })
    let lines = try String(contentsOfFile: accounts, encoding: .utf8).split(separator: "\n")
    return Set(
      names.map { number in
        lines.first { $0.split(separator: ":", omittingEmptySubsequences: false)[2] == number }
          .map { String($0.prefix { $0 != ":" }) } ?? String(number)
      })
  }

  /// Which files workers run; one that was replaced is ` (deleted)`.
  private func programs(of running: Running) throws -> Set<String> {
    Set(
      try running.workers.map {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
      })
  }
}
