import Foundation
import TestSupport
import Testing

/// `serve`: its options, its signals and the service manager.
@Suite(.serialized) struct ServeTests {
  private let folder = TemporaryFolder()

  // MARK: - Reloading

  private func issuer(_ backend: Backend) throws -> String? {
    let answer = try FastCGIClient(unix: backend.socket).send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"s","agent_id":"a"}"#.utf8))
    return try claims(of: answer.string("session_token"))["iss"]?.string
  }

  private func rewrite(_ backend: Backend, _ settings: String) throws {
    try "server_auth:\n  state_dir: \(backend.state)\n\(Backend.settings)\n\(settings)\n"
      .write(toFile: backend.config, atomically: true, encoding: .utf8)
  }

  @Test func aReloadReachesEveryWorker() throws {
    let backend = try Backend(in: folder, workers: 3)
    let before = Set(backend.child.children)
    try rewrite(backend, "  issuer: https://after.example")
    backend.child.kill(SIGHUP)
    #expect(
      eventually { backend.child.children.count == 3 && before.isDisjoint(with: backend.child.children) })
    for _ in 0..<30 { #expect(try issuer(backend) == "https://after.example") }
  }

  @Test(arguments: ["  isuer: x", "  challenge_ttl_seconds: 0", "  key_path: /proc/nowhere/keys"])
  func aBadConfigurationChangesNothing(_ settings: String) throws {
    let backend = try Backend(in: folder, workers: 2)
    let workers = backend.child.children
    try rewrite(backend, settings)
    backend.child.kill(SIGHUP)
    #expect(eventually { backend.child.output.contains("configuration not reloaded") })
    #expect(backend.child.children == workers)
    // Nor does it reach a worker that is replaced meanwhile.
    kill(try #require(workers.first), SIGKILL)
    #expect(eventually { backend.child.children.count == 2 && backend.child.children != workers })
    for _ in 0..<20 { #expect(try issuer(backend) == "http://localhost:8100") }
    // And a good one is taken again.
    try rewrite(backend, "  issuer: https://after.example")
    backend.child.kill(SIGHUP)
    #expect(eventually { (try? issuer(backend)) == "https://after.example" })
  }

  @Test func aReloadBringsNewKeys() throws {
    let backend = try Backend(in: folder, workers: 2)
    let old = try FastCGIClient(unix: backend.socket).get("/jwks").text
    #expect(try Tool.run([Tool.picoAuth, "keys", "generate", "--config", backend.config]).status == 0)
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").text == old)
    backend.child.kill(SIGHUP)
    #expect(
      eventually { (try? FastCGIClient(unix: backend.socket).get("/jwks").text.contains("-2")) == true })
  }

  /// Workers keep what they started with: nobody sees a setting before all do.
  @Test func anEditedFileReachesNobodyBeforeTheReload() throws {
    let backend = try Backend(in: folder, workers: 2)
    try rewrite(backend, "  issuer: https://after.example")
    let worker = try #require(backend.child.children.first)
    kill(worker, SIGKILL)
    #expect(eventually { backend.child.children.count == 2 && !backend.child.children.contains(worker) })
    for _ in 0..<30 { #expect(try issuer(backend) == "http://localhost:8100") }
  }

  // MARK: - Replacing workers

  @Test func aWorkerIsReplacedAfterSoManyRequests() throws {
    let backend = try Backend(in: folder, workers: 1, arguments: ["--max-requests", "20"])
    var workers = Set(backend.child.children)
    for _ in 0..<200 {
      #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
      workers.formUnion(backend.child.children)
    }
    #expect(workers.count >= 9)
    #expect(!backend.child.output.contains("warning pico-auth: worker ended"))
  }

  /// However slowly the answers to its last requests are taken.
  @Test func aWorkerThatHasServedEnoughHoldsUpNobody() throws {
    let backend = try Backend(in: folder, workers: 1, arguments: ["--max-requests", "50"])
    let worker = try #require(backend.child.children.first)
    var slow: FastCGIClient? = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    let request = try #require(slow).request([
      ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/api/v1/auth/jwks"),
    ])
    // More answers than the socket takes.
    try slow?.sendRaw((0..<650).flatMap { _ in request })
    #expect(eventually { backend.child.children.count == 2 })
    #expect(backend.child.children.contains(worker))
    for _ in 0..<5 { #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200) }
    for _ in 0..<100 { #expect(try slow?.answer().status == 200) }
    #expect(backend.child.children.contains(worker))
    slow = nil
    #expect(eventually { !backend.child.children.contains(worker) })
    #expect(!backend.child.output.contains("warning pico-auth: worker ended"))
    #expect(backend.child.stop(within: 2) == 0)
  }

  // MARK: - Service managers

  @Test func readinessReloadingAndStoppingAreTold() throws {
    let manager = try DatagramSocket(unix: folder.file("notify"))
    let backend = try Backend(in: folder, workers: 2, environment: ["NOTIFY_SOCKET": folder.file("notify")])
    let ready = "READY=1\nMAINPID=\(backend.child.identifier)"
    #expect(try manager.receive() == ready)
    backend.child.kill(SIGHUP)
    let reloading = try manager.receive()
    #expect(reloading.hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
    #expect(try manager.receive() == ready)
    backend.child.kill(SIGTERM)
    #expect(try manager.receive() == "STOPPING=1")
    // No worker takes itself for the service.
    #expect(backend.child.stop() == 0)
    #expect(try manager.receive(wait: false).isEmpty)
  }

  @Test func theWatchdogIsNotifiedAsOftenAsTheManagerAsks() throws {
    let manager = try DatagramSocket(unix: folder.file("notify"))
    let backend = try Backend(
      in: folder, workers: 1,
      environment: ["NOTIFY_SOCKET": folder.file("notify"), "WATCHDOG_USEC": "300000"])
    var pings = 0
    while pings < 3 {
      let message = try manager.receive()
      #expect(message == "WATCHDOG=1" || message.hasPrefix("READY=1\n"))
      if message == "WATCHDOG=1" { pings += 1 }
    }
    #expect(backend.child.stop() == 0)
  }

  /// As systemd hands a socket over: descriptor 3, named by two variables.
  @Test func aSocketOfTheServiceManagerIsServed() throws {
    let socket = folder.file("activated.sock")
    let script = """
      import os, socket, sys
      listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen(16)
      os.dup2(listener.fileno(), 3)
      os.set_inheritable(3, True)
      os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", SERVER_AUTH_STATE_DIR=sys.argv[2])
      os.execv(sys.argv[3], ["pico-auth", "serve", "--workers", "1"])
      """
    let child = try Child(
      ["python3", "-c", script, socket, folder.file("state"), Tool.picoAuth], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) })
    #expect(child.stop(within: 2) == 0)
    // It is the manager's, who may have others waiting behind it.
    #expect(FileManager.default.fileExists(atPath: socket))
  }

  @Test func theProcessNumberIsInItsFile() throws {
    let file = folder.file("pid")
    let backend = try Backend(in: folder, arguments: ["--pid-file", file])
    #expect(try folder.read("pid") == "\(backend.child.identifier)\n")
    #expect(backend.child.stop() == 0)
    #expect(!FileManager.default.fileExists(atPath: file))
  }

  // MARK: - Rights

  @Test func theSocketHasTheModeThatIsAskedFor() throws {
    let backend = try Backend(in: folder, arguments: ["--socket-mode", "0600"])
    #expect(try status(backend.socket).st_mode & 0o777 == 0o600)
  }

  @Test(.enabled(if: getuid() == 0, "only root can become another user"))
  func rootIsGivenUp() throws {
    let user = try #require(getpwnam("nobody")?.pointee)
    let uid = user.pw_uid
    let state = folder.file("state")
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    #expect(chown(state, uid, user.pw_gid) == 0)
    #expect(chmod(folder.path, 0o755) == 0)
    let config = try folder.write("config.yaml", "server_auth:\n  state_dir: \(state)\n")
    #expect(chmod(config, 0o644) == 0)
    let socket = folder.file("s.sock")
    let child = try Child(
      [
        Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--workers", "1", "--config", config,
        "--user", "nobody", "--group", "daemon", "--socket-group", "adm",
      ], log: folder.file("log"))
    try #require(eventually { Backend.answers(socket) && child.children.count == 1 }, "\(child.output)")
    for process in [child.identifier] + child.children {
      let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
      #expect(status.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)"))
      let group = try #require(getgrnam("daemon")?.pointee.gr_gid)
      #expect(status.contains("Gid:\t\(group)\t\(group)\t\(group)\t\(group)"))
      let groups = try #require(status.split(separator: "\n").first { $0.hasPrefix("Groups:") })
      #expect(!groups.split(separator: "\t").dropFirst().joined().split(separator: " ").contains("0"))
    }
    #expect(try self.status(socket).st_uid == uid)
    #expect(try self.status(socket).st_gid == getgrnam("adm").pointee.gr_gid)
    #expect(child.stop(within: 2) == 0)
  }

  /// What a process of the same user, a core dump and whoever gets into a worker could read.
  @Test(.enabled(if: getuid() == 0, "only root can become another user"))
  func memoryAndSecretsAreNobodysBusiness() throws {
    let user = try #require(getpwnam("nobody")?.pointee)
    #expect(chmod(folder.path, 0o755) == 0)
    let state = folder.file("state")
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    #expect(chown(state, user.pw_uid, user.pw_gid) == 0)
    let config = try folder.write("c.yaml", "server_auth:\n  state_dir: \(state)\n", mode: 0o644)
    let listen = "unix:\(folder.file("run")).sock"
    let asNobody = ["setpriv", "--reuid", "nobody", "--regid", "\(user.pw_gid)", "--clear-groups"]
    let serve = [Tool.picoAuth, "serve", "--workers", "2", "--config", config]
    #expect(mkdir(folder.file("open"), 0o777) == 0 && chmod(folder.file("open"), 0o777) == 0)
    // Root that is given up, and a user from the beginning.
    for (arguments, socket) in [
      (serve + ["--listen", listen, "--user", "nobody"], "run.sock"),
      (asNobody + serve + ["--listen", "unix:\(folder.file("open/s"))"], "open/s"),
    ] {
      let child = try Child(arguments, log: folder.file("log"))
      try #require(
        eventually { Backend.answers(folder.file(socket)) && child.children.count == 2 }, "\(child.output)")
      for process in [child.identifier] + child.children {
        // The kernel gives these files to root where the process can't be dumped, which a worker sees to when it starts.
        for file in ["mem", "environ"] {
          #expect(eventually { (try? status("/proc/\(process)/\(file)").st_uid) == 0 }, "\(file)")
        }
        let limits = { try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8) }
        #expect(eventually { (try? limits().contains(#/Max core file size +0 +0 /#)) == true })
      }
      // A worker that is started later has its settings and keys all the same.
      let killed = try #require(child.children.first)
      kill(killed, SIGKILL)
      #expect(eventually { child.children.count == 2 && !child.children.contains(killed) })
      #expect(Backend.answers(folder.file(socket)))
      for worker in child.children { #expect(eventually { (try? memoryFiles(worker)) == [] }) }
      #expect(child.stop(within: 2) == 0)
    }
  }

  /// The files without a name that a process has open.
  private func memoryFiles(_ process: pid_t) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\($0)")
    }.filter { $0.contains("memfd") }
  }

  @Test(arguments: [
    ["--user", "no-such-user"], ["--group", "adm"], ["--socket-mode", "999"],
    ["--socket-group", "no-such-group"],
    ["--max-requests", "-1"],
  ])
  func whatCannotBeIsRefused(_ arguments: [String]) throws {
    let result = try Tool.run(
      [Tool.picoAuth, "serve", "--listen", "unix:\(folder.file("s.sock"))"] + arguments,
      environment: ["SERVER_AUTH_STATE_DIR": folder.file("state")])
    #expect(result.status != 0)
    #expect(!result.errors.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: folder.file("s.sock")))
  }

  private func status(_ path: String) throws -> stat {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return status
  }
}
