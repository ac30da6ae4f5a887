import DeploymentTemplates
import Foundation
import TestSupport
import Testing

/// What an operator who sets the service up as root gets told, and is spared.
@Suite struct OperatorTests {
  private let folder = TemporaryFolder()
  private var state: String { folder.file("state") }
  private static let isRoot = getuid() == 0

  private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> CommandResult {
    try Tool.run(
      arguments, environment: ["SERVER_AUTH_STATE_DIR": state].merging(environment) { $1 })
  }

  private func owner(_ path: String) throws -> uid_t {
    var status = stat()
    try #require(stat(path, &status) == 0, "\(path)")
    return status.st_uid
  }

  // MARK: - What root makes

  @Test(.enabled(if: isRoot, "only root can give files away"))
  func keysThatRootMakesAreTheServices() throws {
    let user = try #require(getpwnam("nobody")?.pointee)
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(mkdir(state, 0o700) == 0)
    #expect(chown(state, user.pw_uid, user.pw_gid) == 0)
    #expect(try run([Tool.picoAuth, "keys", "generate"]).status == 0)
    #expect(try run([Tool.picoAuth, "tokens", "revoke", "abc"]).status == 3)
    #expect(try run([Tool.picoAuth, "store", "compact"]).status == 0)
    let entries = try FileManager.default.subpathsOfDirectory(atPath: state)
    #expect(entries.contains("keys/pico-server-auth-1.pem") && entries.contains("revocations.jsonl"))
    for entry in entries { #expect(try owner("\(state)/\(entry)") == user.pw_uid, "\(entry)") }
    // And the service starts.
    let socket = folder.file("s.sock")
    let service = try Child(
      [Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--user", "nobody", "--workers", "1"],
      environment: ["SERVER_AUTH_STATE_DIR": state], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(Backend.answers(socket), "\(service.output)")
    #expect(service.stop(within: 5) == 0, "\(service.output)")
  }

  /// Keys and files may lie in folders of their own.
  @Test(.enabled(if: isRoot, "only root can give files away"))
  func foldersOutsideOfTheStateFolderAreTheServicesToo() throws {
    let user = try #require(getpwnam("nobody")?.pointee)
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(mkdir(state, 0o700) == 0)
    #expect(chown(state, user.pw_uid, user.pw_gid) == 0)
    let environment = [
      "SERVER_AUTH_STATE_DIR": state, "SERVER_AUTH_KEY_PATH": folder.file("own/keys"),
      "SERVER_AUTH_REVOCATION_STORE_PATH": folder.file("revoked/deep/revocations.jsonl"),
      "SERVER_AUTH_MINT_AUDIT_PATH": folder.file("mints/mints.jsonl"),
      "SERVER_AUTH_CHALLENGE_STORE_PATH": folder.file("challenges/challenges.jsonl"),
    ]
    for command in [["keys", "generate"], ["tokens", "revoke", "abc"], ["store", "compact"]] {
      let result = try run([Tool.picoAuth] + command, environment: environment)
      #expect(result.status == (command.contains("revoke") ? 3 : 0), "\(result.errors)")
    }
    for name in ["own", "revoked", "mints", "challenges"] {
      let entries = [""] + (try FileManager.default.subpathsOfDirectory(atPath: folder.file(name)))
      for entry in entries {
        #expect(try owner("\(folder.file(name))/\(entry)") == user.pw_uid, "\(name)/\(entry)")
      }
    }
    let socket = folder.file("s.sock")
    let service = try Child(
      [Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--user", "nobody", "--workers", "1"],
      environment: environment, log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(service.stop(within: 5) == 0, "\(service.output)")
  }

  /// The package's user is there, and nothing else yet.
  @Test(.enabled(if: isRoot, "only root can mount"))
  func theStateFolderThatRootMakesIsThePackagesUsers() throws {
    let users = try String(contentsOfFile: "/etc/passwd", encoding: .utf8)
    try folder.write(
      "passwd", users + "\npico-auth:x:4711:4711::/var/lib/pico-auth:/usr/sbin/nologin\n", mode: 0o644)
    for command in [["keys", "generate"], ["tokens", "revoke", "abc"], ["store", "compact"]] {
      let state = folder.file("\(command[0])/deep/state")
      let script = #"mount --bind "$1" /etc/passwd && shift && exec "$@""#
      let result = try run(
        [
          "unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", folder.file("passwd"),
          Tool.picoAuth,
        ]
          + command, environment: ["SERVER_AUTH_STATE_DIR": state])
      #expect(result.status == (command.contains("revoke") ? 3 : 0), "\(result.errors)")
      #expect(try owner(folder.file(command[0])) == 4711)
      let entries = try FileManager.default.subpathsOfDirectory(atPath: folder.file(command[0]))
      #expect(entries.count > 1)
      for entry in entries { #expect(try owner("\(folder.file(command[0]))/\(entry)") == 4711, "\(entry)") }
    }
  }

  // MARK: - check --user

  @Test(.enabled(if: isRoot, "only root can become another user"))
  func checkNamesEachFileThatIsInTheWay() throws {
    let user = try #require(getpwnam("nobody")?.pointee)
    let config = try folder.write("config.yaml", "server_auth:\n  state_dir: \(state)\n", mode: 0o640)
    let secret = try folder.write("secret", "0123456789-fleet-secret")
    let environment = ["SERVER_AUTH_FLEET_MINT_SECRET_FILE": secret]
    let check = [Tool.picoAuth, "check", "--config", config, "--user", "nobody"]
    #expect(try run([Tool.picoAuth, "keys", "generate"]).status == 0)
    #expect(try run([Tool.picoAuth, "tokens", "revoke", "abc"]).status == 3)

    // A folder above is closed.
    var result = try run(check, environment: environment)
    #expect(result.status == 1)
    #expect(result.errors.contains("\(config): nobody can't enter \(folder.path): chmod a+x \(folder.path)"))
    #expect(chmod(folder.path, 0o755) == 0)
    // Each file of root's.
    result = try run(check, environment: environment)
    #expect(result.status == 1)
    #expect(
      result.errors.contains("\(state): nobody can't read, write and enter it; it belongs to root, mode 0700")
    )
    for path in [config, secret, state] {
      #expect(result.errors.contains("pico-auth: \(path): nobody can't "), "\(path): \(result.errors)")
    }
    #expect(result.errors.contains("belongs to root, mode 0640: chgrp nobody \(config)"))
    #expect(chown(state, user.pw_uid, user.pw_gid) == 0)
    #expect(chown("\(state)/keys", user.pw_uid, user.pw_gid) == 0)
    result = try run(check, environment: environment)
    for name in ["keys/pico-server-auth-1.pem", "revocations.jsonl", "revocations.jsonl.lock"] {
      #expect(result.errors.contains("\(state)/\(name): nobody can't "), "\(name): \(result.errors)")
    }
    // What it asks for is enough.
    #expect(try Tool.run(["chown", "-R", "nobody", state, secret, config]).status == 0)
    result = try run(check, environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    #expect(!result.errors.contains("can't"))
    // Others could exchange the files.
    #expect(chmod(state, 0o777) == 0)
    #expect(
      try run(check, environment: environment).errors.contains(
        "\(state): can be written by others: chmod go-w"))
  }

  @Test(.enabled(if: isRoot, "only root can become another user"))
  func checkTellsWhoCannotMakeTheStateFolder() throws {
    #expect(chmod(folder.path, 0o755) == 0)
    let check = [Tool.picoAuth, "check", "--user", "nobody"]
    let result = try run(check)
    #expect(result.status == 1)
    #expect(result.errors.contains("\(state): doesn't exist, and nobody can't make it in \(folder.path)"))
    #expect(chmod(folder.path, 0o1777) == 0)
    #expect(try run(check).status == 0)
    #expect(try !FileManager.default.fileExists(atPath: state))
    #expect(try run([Tool.picoAuth, "check", "--user", "no-such-user"]).status == 1)
    let other = try run([
      "setpriv", "--reuid", "nobody", "--clear-groups", Tool.picoAuth, "check", "--user", "daemon",
    ])
    #expect(other.status == 1)
    #expect(other.errors.contains("--user needs root"))
  }

  /// In a folder such as /tmp, files of another user are in the way although they may be read and written.
  @Test(
    .enabled(if: isRoot, "only root can become another user"),
    arguments: ["revocations.jsonl", "mints.jsonl.lock"])
  func checkRefusesWhatTheStoresRefuse(_ name: String) throws {
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(mkdir(state, 0o700) == 0 && chmod(state, 0o1777) == 0)
    let file = try folder.write("state/\(name)", "", mode: 0o644)
    #expect(try Tool.run(["chown", "daemon", file]).status == 0)
    #expect(chmod(file, 0o666) == 0)
    let refused = try run([Tool.picoAuth, "check", "--user", "nobody"])
    #expect(refused.status == 1)
    #expect(
      refused.errors.contains(
        "\(file): belongs to user daemon, and this process runs as nobody: chown nobody \(file)"),
      "\(refused.errors)")
    #expect(try Tool.run(["chown", "nobody", file]).status == 0)
    let writable = try run([Tool.picoAuth, "check", "--user", "nobody"])
    #expect(writable.status == 1)
    #expect(
      writable.errors.contains("\(file): can be written by others: chmod go-w \(file)"), "\(writable.errors)")
    #expect(chmod(file, 0o600) == 0)
    #expect(try run([Tool.picoAuth, "check", "--user", "nobody"]).status == 0)
  }

  // MARK: - Messages

  @Test func messagesNameThePathAndWhatToDo() throws {
    let missing = folder.file("missing/deep/s.sock")
    let listening = try run([Tool.picoAuth, "serve", "--listen", "unix:\(missing)"])
    #expect(listening.status == 1)
    #expect(
      listening.errors.contains(
        "unix:\(missing): bind: No such file or directory; make the folder \(folder.file("missing"))"))
    let pid = try run([
      Tool.picoAuth, "serve", "--listen", "unix:\(folder.file("s.sock"))", "--pid-file",
      folder.file("none/pid"),
    ])
    #expect(pid.errors.contains("\(folder.file("none/pid"))"), "\(pid.errors)")
    #expect(pid.errors.contains("make the folder \(folder.file("none"))"))
    let config = try run([Tool.picoAuth, "check", "--config", folder.file("none.yaml")])
    #expect(config.errors.contains("pico-auth: \(folder.file("none.yaml")): open: No such file"))
    #expect(!config.errors.contains("none.yaml: \(folder.file("none.yaml"))"))
    try folder.write("real.pem", "x")
    symlink(folder.file("real.pem"), folder.file("revocations.jsonl"))
    let linked = try run(
      [Tool.picoAuth, "tokens", "revoked"], environment: ["SERVER_AUTH_STATE_DIR": folder.path])
    #expect(linked.errors.contains("\(folder.file("revocations.jsonl")): open: "))
    #expect(linked.errors.contains("symbolic link"))
  }

  @Test(.enabled(if: isRoot, "only root can become another user"))
  func aMissingRightIsToldWithThePathAndTheUser() throws {
    #expect(chmod(folder.path, 0o755) == 0)
    let secret = try folder.write("config.yaml", "")
    let nobody = ["setpriv", "--reuid", "nobody", "--clear-groups", Tool.picoAuth]
    for arguments in [
      ["check", "--config", secret], ["keys", "generate"], ["tokens", "revoke", "abc"],
      ["serve", "--listen", "unix:\(folder.file("s.sock"))"], ["wallet", "new", folder.file("wallet")],
      ["print-config", "nginx", "--directory", folder.file("new")],
    ] {
      let result = try run(nobody + arguments)
      #expect(result.status == 1, "\(arguments)")
      #expect(result.errors.contains(folder.path), "\(arguments): \(result.errors)")
      #expect(result.errors.contains("give user nobody the rights"), "\(arguments): \(result.errors)")
    }
    #expect(
      try run(nobody + ["serve", "--user", "daemon"]).errors.contains("--user needs root; this is nobody"))
  }

  // MARK: - Warnings

  @Test func aDoubtfulIssuerIsWarnedOf() throws {
    func warnings(_ text: String) throws -> String {
      let file = try folder.write("config.yaml", "server_auth:\n\(text)\n")
      return try Tool.run([Tool.picoAuth, "check", "--config", file]).errors
    }
    let own = "\n  state_dir: \(state)"
    for issuer in ["auth.example.org", "auth.example.org:8443", "pico"] {
      #expect(try warnings("  issuer: \(issuer)\(own)").contains("warning: issuer \(issuer) has no scheme"))
    }
    for issuer in ["https://auth.example.org", "http://localhost:8100", "urn:example:auth"] {
      #expect(
        try !warnings("  supported_wallet_algorithms: [Ed25519]\n  issuer: \(issuer)\(own)").contains(
          "issuer"))
    }
    // The messages of wallets name a site.
    #expect(
      try warnings("  issuer: urn:example:auth\(own)").contains("nobody can sign in with EIP-4361, SIWS"))
    // The installed state folder.
    for issuer in [
      "http://localhost:8100", "https://127.0.0.1", "http://[::1]:8100", "http://LOCALHOST",
      "https://127.0.0.2/x",
      "http://0.0.0.0:80", "http://[::]", "http://127.1", "https://auth.localhost", "https://localhost.",
      "http://[::ffff:127.0.0.1]",
      "https://user@localhost",
    ] {
      #expect(
        try warnings("  issuer: '\(issuer)'").contains(
          "warning: issuer is \(issuer), which only this host can reach"))
    }
    for issuer in [
      "https://auth.example.org", "https://127.0.0.1.example.org", "https://localhost.example.org",
      "https://[2001:db8::1]",
      "https://10.0.0.1",
    ] {
      #expect(try !warnings("  issuer: '\(issuer)'").contains("issuer"), "\(issuer)")
    }
    for issuer in ["https://", "https://:443/x", "http:///path"] {
      #expect(
        try warnings("  issuer: '\(issuer)'\(own)").contains("warning: issuer \(issuer) has no host"),
        "\(issuer)")
    }
  }

  @Test(.enabled(if: isRoot, "only root runs as root"))
  func runningAsRootIsWarnedOf() throws {
    #expect(
      try run([Tool.picoAuth, "check"]).errors.contains("warning: root can read everything; use --user NAME"))
    let backend = try Backend(in: folder)
    #expect(backend.child.output.contains("warning pico-auth: running as root; use --user NAME"))
    #expect(chmod(folder.path, 0o1777) == 0)
    let socket = folder.file("n.sock")
    let service = try Child(
      [Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--user", "nobody"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.file("other")], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(Backend.answers(socket), "\(service.output)")
    #expect(!service.output.contains("running as root"), "\(service.output)")
  }

  /// As the README has it: the folder isn't there yet.
  @Test(arguments: DeploymentTarget.all.map(\.name))
  func printConfigMakesItsFolder(_ target: String) throws {
    let directory = folder.file("etc/\(target)/pico-auth")
    let result = try run([Tool.picoAuth, "print-config", target, "--directory", directory])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try !FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    var status = stat()
    #expect(stat(directory, &status) == 0 && status.st_mode & 0o777 == 0o755)
  }
}
