import Foundation
import TestSupport
import Testing

/// What somebody who can write to the state folder, or to the one above, puts there.
@Suite struct HostileStateTests {
  private let folder = TemporaryFolder()
  private var state: String { folder.file("state") }

  private func run(_ arguments: [String], as user: String? = nil) throws -> CommandResult {
    let identity = user.map { ["setpriv", "--reuid", $0, "--clear-groups"] } ?? []
    // Whatever hangs is ended: 124.
    return try Tool.run(
      ["timeout", "30"] + identity + [Tool.picoAuth] + arguments,
      environment: ["SERVER_AUTH_STATE_DIR": state])
  }

  /// A request as a CGI script has it.
  private func script(
    _ method: String, _ path: String, config: String? = nil, bearer: String? = nil, body: String = ""
  ) throws -> CommandResult {
    var environment = [
      "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "SCRIPT_NAME": "/api/v1/auth\(path)",
      "SERVER_AUTH_STATE_DIR": state, "CONTENT_LENGTH": "\(body.utf8.count)",
      "SERVER_AUTH_FLEET_MINT_SECRET": "0123456789-fleet-secret",
      "HTTP_X_FLEET_SECRET": "0123456789-fleet-secret",
    ]
    environment["PICO_AUTH_CONFIG"] = config
    environment["HTTP_AUTHORIZATION"] = bearer.map { "Bearer \($0)" }
    return try Tool.run(["timeout", "30", Tool.picoAuth], environment: environment, input: body)
  }

  private func makeState() throws {
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    #expect(try run(["keys", "generate"]).status == 0)
  }

  private func token() throws -> String {
    let answer = try script("POST", "/fleet/sessions", body: #"{"session_id":"s","agent_id":"a"}"#)
    return try #require(answer.output.firstMatch(of: /"session_token":"([^"]+)"/)?.output.1).description
  }

  // MARK: - Revocations

  @Test func aScriptRefusesARevokedTokenHoweverItsLineIsSpelled() throws {
    try makeState()
    let token = try token()
    #expect(try script("GET", "/verify", bearer: token).output.hasPrefix("Status: 204"))
    let jti = try #require(claims(of: token)["jti"]?.string)
    let spelled = jti.utf8.map { "\\u00\(String($0, radix: 16))" }.joined()
    try folder.write(
      "state/revocations.jsonl", #"{"jti":"\#(spelled)","revoked_at":1,"reason":"","revoked_by":""}"# + "\n")
    #expect(try script("GET", "/verify", bearer: token).output.hasPrefix("Status: 401"))
    for damaged in [
      #"{"jti":"\#(jti.dropLast())!","revoked_at":1,"crc":"00000000"}"#, "{\"jti\":\"\(jti.dropLast())\0\"}x",
    ] {
      try folder.write("state/revocations.jsonl", damaged + "\n")
      #expect(try script("GET", "/verify", bearer: token).output.hasPrefix("Status: 503"), "\(damaged)")
    }
  }

  // MARK: - Pipes, sockets, devices

  @Test(arguments: ["revocations.jsonl", "revocations.jsonl.lock", "mints.jsonl", "mints.jsonl.lock"])
  func aPipeInAFilesPlaceHoldsUpNobody(_ name: String) throws {
    try makeState()
    let token = try token()
    for kind in [S_IFIFO, S_IFSOCK] {
      unlink("\(state)/\(name)")
      #expect(mknod("\(state)/\(name)", kind | 0o600, 0) == 0)
      let revoked = try run(["tokens", "revoke", "abc"])
      let listed = try run(["tokens", "list"])
      let issued = try script("POST", "/fleet/sessions", body: #"{"session_id":"s","agent_id":"a"}"#)
      let verified = try script("GET", "/verify", bearer: token)
      if name.hasPrefix("revocations") {
        #expect(revoked.status == 1)
        #expect(revoked.errors.contains("\(state)/\(name): open: "), "\(revoked.errors)")
        #expect(revoked.errors.contains("move it away"))
      } else {
        #expect(issued.output.hasPrefix("Status: 503"), "\(issued)")
        #expect(issued.errors.contains("\(state)/\(name): open: "), "\(issued.errors)")
      }
      if name == "revocations.jsonl" { #expect(verified.output.hasPrefix("Status: 503")) }
      if name == "mints.jsonl" { #expect(listed.status == 1) }
    }
  }

  @Test(arguments: ["challenges.jsonl", "challenges.jsonl.lock", "challenges.jsonl.1"])
  func aPipeInPlaceOfChallengesHoldsUpNobody(_ name: String) throws {
    try makeState()
    #expect(mkfifo("\(state)/\(name)", 0o600) == 0)
    let answer = try script("POST", "/challenge", body: #"{"address":"abcd"}"#)
    if name == "challenges.jsonl" {
      // It takes the place of what has no bytes, as of an empty file.
      #expect(answer.output.hasPrefix("Status: 200"), "\(answer)")
    } else {
      #expect(answer.output.hasPrefix("Status: 503"), "\(answer)")
      #expect(answer.errors.contains("\(state)/\(name)"), "\(answer.errors)")
    }
  }

  @Test(arguments: ["sessions.dat", "sessions.dat.subjects"])
  func aPipeInPlaceOfSessionsHoldsUpNobody(_ name: String) throws {
    try makeState()
    #expect(mkfifo("\(state)/\(name)", 0o600) == 0)
    for command in [["store", "status"], ["store", "verify", "--repair"]] {
      let result = try run(command)
      #expect(result.status == 1, "\(command)")
      #expect(result.errors.contains("\(state)/\(name): open: "), "\(result.errors)")
    }
  }

  @Test func aPipeInAKeysPlaceHoldsUpNobody() throws {
    try makeState()
    #expect(mkfifo("\(state)/keys/pico-server-auth-2.pem", 0o600) == 0)
    let listed = try run(["keys", "list"])
    #expect(listed.status == 1)
    #expect(listed.errors.contains("pico-server-auth-2.pem is no regular file"))
    #expect(try script("GET", "/jwks").output.hasPrefix("Status: 500"))
  }

  @Test func aConfigurationMayComeFromAPipeThatSomebodyWritesTo() throws {
    let pipe = folder.file("config.pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let nobody = try run(["check", "--config", pipe])
    #expect(nobody.status == 1)
    #expect(nobody.errors.contains("\(pipe): read: "))
    let written = try Tool.run(
      [
        "bash", "-c", #""$0" check --config <(sleep 0.1; printf 'server_auth:\n  audience: piped\n')"#,
        Tool.picoAuth,
      ])
    #expect(written.output.contains(/audience +=\ piped/), "\(written.errors)")
  }

  @Test(.enabled(if: getuid() == 0, "only root can become another user"))
  func aScriptsMemoryIsNobodysBusiness() throws {
    try makeState()
    let body = folder.file("body")
    #expect(mkfifo(body, 0o600) == 0)
    #expect(try Tool.run(["chown", "-R", "nobody", folder.path]).status == 0)
    let asNobody = ["setpriv", "--reuid", "nobody", "--clear-groups"]
    // It waits for its body.
    let child = try Child(
      asNobody + ["bash", "-c", #"exec "$0" 0<>"$1""#, Tool.picoAuth, body],
      environment: [
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/api/v1/auth/challenge",
        "CONTENT_LENGTH": "10", "SERVER_AUTH_STATE_DIR": state,
      ], log: folder.file("log"))
    var status = stat()
    #expect(
      eventually {
        stat("/proc/\(child.identifier)/mem", &status) == 0 && status.st_uid == 0
          && (try? String(contentsOfFile: "/proc/\(child.identifier)/comm", encoding: .utf8)) == "pico-auth\n"
      })
    let limits = try String(contentsOfFile: "/proc/\(child.identifier)/limits", encoding: .utf8)
    #expect(limits.contains(#/Max core file size +0 +0 /#))
    child.kill(SIGKILL)
  }

  // MARK: - Folders

  @Test func aFolderThatOthersCanWriteToIsRefused() throws {
    try makeState()
    let token = try token()
    for (mode, name): (mode_t, String) in [
      (0o777, "state"), (0o770, "state"), (0o720, "state"), (0o707, "state/keys"),
    ] {
      let path = folder.file(name)
      #expect(chmod(path, mode) == 0)
      for command in [
        ["tokens", "list"], ["serve", "--listen", "unix:\(folder.file("s"))"],
      ] {
        let result = try run(command)
        #expect(result.status == 1, "\(command)")
        #expect(
          result.errors.contains("\(path): can be written by others: chmod go-w \(path)"), "\(result.errors)")
      }
      for command in [["check"], ["store", "status"], ["keys", "list"]] {
        #expect(try run(command).errors.contains("chmod go-w \(path)"), "\(command)")
      }
      #expect(try script("GET", "/verify", bearer: token).output.hasPrefix("Status: 503"))
      #expect(chmod(path, 0o700) == 0)
    }
    // As /tmp is, and mounted secrets: nobody can remove what isn't theirs.
    #expect(chmod(state, 0o1777) == 0)
    #expect(try script("GET", "/verify", bearer: token).output.hasPrefix("Status: 204"))
    #expect(try run(["tokens", "list"]).status == 0)
  }

  @Test(.enabled(if: getuid() == 0, "only root can give files away"))
  func aFolderOfAnotherUserIsRefused() throws {
    try makeState()
    #expect(chmod(folder.path, 0o755) == 0)
    #expect(try Tool.run(["chown", "-R", "daemon", state]).status == 0)
    #expect(chmod(state, 0o755) == 0)
    let refused = try run(["tokens", "list"], as: "nobody")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("\(state): belongs to user daemon"), "\(refused.errors)")
    #expect(try run(["tokens", "list"], as: "daemon").status == 0)
    #expect(try run(["tokens", "list"]).status == 0)
  }

  /// Whoever can write to a folder above can put another one in the state folder's place.
  @Test func aFolderAboveThatOthersCanWriteToIsRefused() throws {
    let above = folder.file("a/b")
    let deep = "\(above)/c/state"
    try FileManager.default.createDirectory(atPath: deep, withIntermediateDirectories: true)
    for path in [folder.file("a"), above, "\(above)/c", deep] { #expect(chmod(path, 0o755) == 0) }
    // By way of a link, the folders above the link count as well as those above its target.
    let links = folder.file("links")
    #expect(mkdir(links, 0o755) == 0)
    #expect(symlink("../a/b/c", "\(links)/c") == 0)
    for (state, open) in [
      (deep, above), (deep, "\(above)/c"), ("\(links)/c/state", above), ("\(links)/c/state", links),
      ("\(links)/../a/b/c/state", above), ("\(deep)/new/state", above),
    ] {
      let environment = ["SERVER_AUTH_STATE_DIR": state]
      func list() throws -> CommandResult {
        try Tool.run([Tool.picoAuth, "tokens", "list"], environment: environment)
      }
      #expect(try list().status == 0, "\(state)")
      for mode: mode_t in [0o777, 0o775, 0o757] {
        #expect(chmod(open, mode) == 0)
        let refused = try list()
        #expect(refused.status == 1, "\(state) \(open)")
        #expect(
          refused.errors.contains(
            "\(state): the folder \(open) above it can be written by others: chmod go-w \(open)"),
          "\(refused.errors)")
        let check = try Tool.run([Tool.picoAuth, "check"], environment: environment)
        #expect(check.errors.contains("chmod go-w \(open)"), "\(check.errors)")
      }
      // As /tmp is.
      #expect(chmod(open, 0o1777) == 0)
      #expect(try list().status == 0)
      #expect(chmod(open, 0o755) == 0)
    }
  }

  /// The owner of a folder above, or of a link, can put another one in its place.
  @Test(.enabled(if: getuid() == 0, "only root can give files away"))
  func aFolderOrLinkAboveOfAnotherUserIsRefused() throws {
    let above = folder.file("above")
    try FileManager.default.createDirectory(atPath: "\(above)/state", withIntermediateDirectories: true)
    for path in [folder.path, above] { #expect(chmod(path, 0o755) == 0) }
    #expect(try Tool.run(["chown", "-R", "nobody", above]).status == 0)
    #expect(symlink(above, folder.file("link")) == 0)
    func list(_ state: String) throws -> CommandResult {
      try Tool.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", Tool.picoAuth, "tokens", "list"],
        environment: ["SERVER_AUTH_STATE_DIR": state])
    }
    #expect(try list("\(above)/state").status == 0)
    #expect(try list("\(folder.file("link"))/state").status == 0)

    #expect(try Tool.run(["chown", "daemon", above]).status == 0)
    let refused = try list("\(above)/state")
    #expect(refused.status == 1)
    #expect(
      refused.errors.contains(
        "\(above)/state: the folder \(above) above it belongs to user daemon, and this process runs as nobody: "
          + "chown root \(above)"), "\(refused.errors)")
    #expect(try Tool.run(["chown", "root", above]).status == 0)
    #expect(try list("\(above)/state").status == 0)

    #expect(try Tool.run(["chown", "-h", "daemon", folder.file("link")]).status == 0)
    #expect(chmod(folder.path, 0o1777) == 0)
    let linked = try list("\(folder.file("link"))/state")
    #expect(linked.status == 1)
    #expect(linked.errors.contains("the link \(folder.file("link")) on the way to it belongs to user daemon"))
    #expect(linked.errors.contains("chown -h root \(folder.file("link"))"), "\(linked.errors)")
  }

  @Test func linksThatGoRoundEndTheLook() throws {
    #expect(symlink("b", folder.file("a")) == 0)
    #expect(symlink("a", folder.file("b")) == 0)
    let result = try Tool.run(
      ["timeout", "30", Tool.picoAuth, "tokens", "list"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.file("a/state")])
    #expect(result.status == 1)
    #expect(result.errors.contains("Too many levels of symbolic links"), "\(result.errors)")
  }

  /// Whoever owns the state folder may put a hard link to a file of root's there, which only root's commands can read and
  /// write to.
  @Test(
    .enabled(if: getuid() == 0, "only root can give files away"),
    arguments: [
      "revocations.jsonl", "mints.jsonl", "challenges.jsonl", "sessions.dat", "sessions.dat.subjects",
    ].flatMap { [$0, "\($0).lock"] },
    [true, false])
  func aFileOfRootsUnderAStoresNameStaysRoots(_ name: String, isLinked: Bool) throws {
    try makeState()
    // 3: the mint audit doesn't know the token.
    #expect(try run(["tokens", "revoke", "abc"]).status == 3)
    #expect(try Tool.run(["chown", "-R", "nobody", state]).status == 0)
    let text = "of root\nand nobody else\n"
    let secret = try folder.write("secret", text)
    let place = "\(state)/\(name)"
    unlink(place)
    #expect(link(secret, place) == 0)
    // Or it had another name once.
    if !isLinked { unlink(secret) }
    for command in [
      ["tokens", "revoke", "abc"], ["tokens", "list"], ["tokens", "revoked"], ["store", "status"],
      ["store", "verify"],
      ["store", "verify", "--repair"], ["store", "compact"],
    ] {
      let result = try run(command)
      #expect(!result.output.contains("nobody else"), "\(command)")
      guard ![0, 3].contains(result.status) else { continue }
      #expect(
        result.errors.contains("\(place): \(isLinked ? "is a hard link" : "belongs to user root")"),
        "\(command): \(result.errors)")
    }
    let refused = try run(
      name.hasPrefix("revocations") ? ["tokens", "revoke", "abc"] : ["store", "verify", "--repair"])
    #expect(refused.status == 1 || name.hasSuffix(".lock"), "\(refused)")
    var status = stat()
    #expect(stat(place, &status) == 0 && status.st_uid == 0)
    #expect(try folder.read("state/\(name)") == text)
    for entry in try FileManager.default.contentsOfDirectory(atPath: state)
    where entry != name && entry != "keys" {
      #expect(try !folder.read("state/\(entry)").contains("nobody else"), "\(entry)")
    }
  }
}
