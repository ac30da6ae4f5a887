import Foundation
import TestSupport
import Testing

/// Few that wait must not keep many from being answered that needn't.
@Suite(.serialized) struct LaneTests {
  private let folder = TemporaryFolder()

  /// What never waits: the key set, the check of a token, health.
  private func expectImmediateAnswers(
    _ backend: Backend, token: String, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    for _ in 0..<20 {
      let client = try FastCGIClient(unix: backend.socket)
      #expect(try client.get("/jwks").status == 200, comment, sourceLocation: sourceLocation)
      let verify = try FastCGIClient(unix: backend.socket).call("GET", "/verify", bearer: token)
      #expect(verify.status == 204, comment, sourceLocation: sourceLocation)
      let health = try FastCGIClient(unix: backend.socket).get("/health")
      #expect(health.status == 200, comment, sourceLocation: sourceLocation)
    }
  }

  /// Begins requests on connections of their own, without waiting for the answers.
  private func begin(
    _ count: Int, _ backend: Backend, _ method: String, _ path: String, bearer: String? = nil,
    body: String? = nil
  ) throws -> [FastCGIClient] {
    try (0..<count).map { _ in
      let client = try FastCGIClient(unix: backend.socket)
      let fields = bearer.map { [("Authorization", "Bearer \($0)")] } ?? client.fleetFields
      try client.sendRaw(client.request(method, path, fields: fields, body: body.map { Array($0.utf8) }))
      return client
    }
  }

  private let session = #"{"session_id":"s","agent_id":"a"}"#

  // MARK: - Disks and locks

  @Test(.enabled(if: FaultInjection.isPossible, "strace can't trace here"))
  func aSlowDiskHoldsUpOnlyThoseWhoWriteToIt() throws {
    let before = try Backend(in: folder)
    let token = try FastCGIClient(unix: before.socket).session("op", role: "operator")
    before.child.stop()
    let backend = try Backend(
      in: folder, threads: 4,
      tracer: [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
        "inject=fdatasync:delay_exit=3000000",
      ])
    let waiting = try begin(32, backend, "POST", "/fleet/sessions", body: session)
    try expectImmediateAnswers(backend, token: token, "beside 32 that wait for the disk")
    #expect(waiting.contains { !$0.isAnswered }, "nobody waited, so nothing was shown")
    for client in waiting { #expect([200, 503].contains(try client.answer().status)) }
    for process in backend.child.children { kill(process, SIGTERM) }
    #expect(eventually { !backend.child.isRunning })
  }

  /// A reload and a stop answer what has come, also where the disk takes longer than they should.
  @Test(.enabled(if: FaultInjection.isPossible, "strace can't trace here"), arguments: [SIGHUP, SIGTERM])
  func aStopWaitsForTheDisk(_ signal: Int32) throws {
    let before = try Backend(in: folder)
    before.child.stop()
    let backend = try Backend(
      in: folder, workers: 1,
      tracer: [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
        "inject=fdatasync:delay_exit=2500000",
      ])
    let waiting = try begin(1, backend, "POST", "/fleet/sessions", body: session)
    let path = "\(backend.state)/mints.jsonl"
    #expect(
      eventually {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").count == 1
      })
    kill(try #require(backend.child.children.first), signal)
    for client in waiting { #expect(try client.answer().status == 200) }
    for process in backend.child.children { kill(process, SIGTERM) }
    #expect(eventually { !backend.child.isRunning })
  }

  /// A process that holds a store's lock and is stopped.
  @Test func aHeldLockIsA503AndHoldsUpNobodyElse() throws {
    let backend = try Backend(in: folder, threads: 4)
    let token = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    let script = """
      import fcntl, os, sys, time
      for path in sys.argv[1:]: fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)
      print("held", flush=True)
      time.sleep(600)
      """
    let holder = try Child(
      ["python3", "-c", script, "\(backend.state)/mints.jsonl.lock", backend.state],
      log: folder.file("holder"))
    #expect(eventually { holder.output.contains("held") })
    holder.kill(SIGSTOP)
    let waiting = try begin(40, backend, "POST", "/fleet/sessions", body: session)
    try expectImmediateAnswers(backend, token: token, "beside 40 that wait for a lock")
    for client in waiting {
      let answer = try client.answer()
      #expect(answer.status == 503)
      #expect(answer["retry-after"] != nil)
    }
    holder.stop(SIGKILL)
    #expect(eventually { (try? FastCGIClient(unix: backend.socket).mint("s", role: "r").status) == 200 })
  }

  // MARK: - Peers

  /// What each thread of the backend's workers is in. `proc_pid_syscall(5)`.
  private func systemCalls(_ backend: Backend) -> [String] {
    backend.child.children.flatMap { process -> [String] in
      let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
      return tasks.compactMap { task -> String? in
        let path = "/proc/\(process)/task/\(task)/syscall"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return String(text.prefix { $0 != " " })
      }
    }
  }

  /// Whether all threads wait for events, and none for a peer: epoll_wait, or poll in the main thread.
  private func allThreadsAreFree(_ backend: Backend) -> Bool {
    let calls = systemCalls(backend)
    return !calls.isEmpty && calls.allSatisfy { ["232", "281", "7", "22", "73"].contains($0) }
      && calls.count { $0 == "7" || $0 == "73" } <= backend.child.children.count
  }

  @Test func peersThatNeverReadHoldNoThread() throws {
    let backend = try Backend(in: folder, workers: 2, threads: 4)
    let token = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    let peers = try (0..<200).map { _ in
      let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
      let request = client.request("GET", "/jwks")
      // More answers than the socket's buffers hold.
      try client.sendRaw((0..<500).flatMap { _ in request })
      return client
    }
    try expectImmediateAnswers(backend, token: token, "beside 200 peers that don't read")
    #expect(eventually { allThreadsAreFree(backend) }, "\(systemCalls(backend))")
    // Whoever reads after all has them all.
    for _ in 0..<500 { #expect(try peers[0].answer().status == 200) }
    #expect(backend.child.stop(within: 5) == 0)
  }

  /// A backend with a list of revocations that no socket buffer holds.
  private func backendWithLongList(_ count: Int = 30_000) throws -> (Backend, token: String) {
    let backend = try Backend(in: folder, threads: 4)
    let token = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    _ = try FastCGIClient(unix: backend.socket).revoke("first", bearer: token)
    let handle = try #require(FileHandle(forWritingAtPath: "\(backend.state)/revocations.jsonl"))
    try handle.seekToEnd()
    try handle.write(contentsOf: lines(count))
    try handle.close()
    return (backend, token)
  }

  private func lines(_ count: Int) -> Data {
    let lines = (0..<count).map {
      #"{"jti":"t\#($0)","revoked_at":1.5,"reason":"","revoked_by":"op"}"# + "\n"
    }
    return Data(lines.joined().utf8)
  }

  private func items(_ answer: HTTPAnswer) throws -> Int? {
    let document = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    return (document?["items"] as? [Any])?.count
  }

  @Test func slowReadersOfALongListHoldNoThread() throws {
    let (backend, token) = try backendWithLongList()
    let readers = try begin(16, backend, "GET", "/revoked-jtis", bearer: token)
    #expect(eventually { readers.allSatisfy(\.isAnswered) })
    try expectImmediateAnswers(backend, token: token, "beside 16 slow readers")
    #expect(eventually { allThreadsAreFree(backend) }, "\(systemCalls(backend))")
    for reader in readers { #expect(try items(try reader.answer()) == 30_001) }
  }

  /// A worker that is replaced sends what it has begun to send.
  @Test func aReloadBreaksNoListOff() throws {
    let (backend, token) = try backendWithLongList()
    let readers = try begin(4, backend, "GET", "/revoked-jtis", bearer: token)
    #expect(eventually { readers.allSatisfy(\.isAnswered) })
    let worker = try #require(backend.child.children.first)
    backend.child.kill(SIGHUP)
    #expect(eventually { backend.child.output.components(separatedBy: "serving address").count > 2 })
    for reader in readers { #expect(try items(try reader.answer()) == 30_001) }
    #expect(eventually { !backend.child.children.contains(worker) })
  }

  /// Whoever has sent all of a request may say so.
  @Test func halfAConnectionIsEnoughToReadAList() throws {
    let (backend, token) = try backendWithLongList()
    let readers = try begin(2, backend, "GET", "/revoked-jtis", bearer: token)
    for reader in readers { reader.endSending() }
    for reader in readers { #expect(try items(try reader.answer()) == 30_001) }
  }

  /// A backup that was moved into place is read before tokens are checked, by those who wait for that.
  @Test func aNewLogHoldsUpOnlyThoseWhoNeedIt() throws {
    let (backend, token) = try backendWithLongList(10)
    try lines(200_000).write(to: URL(fileURLWithPath: folder.file("backup")))
    chmod(folder.file("backup"), 0o600)
    #expect(rename(folder.file("backup"), "\(backend.state)/revocations.jsonl") == 0)
    let checks = try begin(16, backend, "GET", "/verify", bearer: token)
    for _ in 0..<20 { #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200) }
    #expect(checks.contains { !$0.isAnswered }, "nobody waited, so nothing was shown")
    for check in checks { #expect([204, 503].contains(try check.answer().status)) }
    try expectImmediateAnswers(backend, token: token, "once the log is read")
  }

  /// A kernel without memory for a moment makes no worker deaf for good. A request that waits for a disk has the listener
  /// taken out of epoll and put in again. Of three calls one fails, so that the first succeeds now and then, and the second
  /// doesn't.
  @Test(.enabled(if: FaultInjection.isPossible, "strace can't trace here"))
  func aWorkerListensAgainAfterTheKernelHadNoMemory() throws {
    let backend = try Backend(
      in: folder, threads: 1,
      tracer: [
        "strace", "-f", "-qq", "-o", folder.file("trace"), "-e", "trace=epoll_ctl", "-e",
        "inject=epoll_ctl:error=ENOMEM:when=20+3",
      ])
    func failures() throws -> Int {
      try folder.read("trace").split(separator: "\n").count {
        $0.contains("EPOLL_CTL_ADD, 0, ") && $0.hasSuffix("(INJECTED)")
      }
    }
    var (asked, answered) = (0, 0)
    while asked < 500, try asked < 40 || failures() < 3 {
      asked += 1
      let client = try FastCGIClient(unix: backend.socket)
      do {
        answered += try client.postJSON("/challenge", #"{"address":"aa"}"#).status == 200 ? 1 : 0
      } catch let failure as Socket.Failure where failure.code != EAGAIN {
        // A connection that couldn't be put into epoll is closed.
      }
    }
    #expect(try failures() >= 3, "no call failed, so nothing was shown")
    #expect(answered > asked / 2)
    for process in backend.child.children { kill(process, SIGTERM) }
    #expect(eventually { !backend.child.isRunning })
  }

  // MARK: - Passwords

  @Test func manyLoginsHoldUpNobodyElse() throws {
    let hash = try Tool.run([Tool.picoAuth, "hash-password"], input: "correct horse\n").output
      .trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(hash.hasPrefix("$argon2id$"))
    let backend = try Backend(
      in: folder, threads: 4,
      settings: """
          auto_create_admin: true
          admin_email: ops@example.org
          admin_password_hash: "\(hash)"
          fleet_mint_secret: 0123456789-fleet-secret
          fleet_allowed_roles: [agent, operator]
        """)
    let token = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    let body = #"{"email":"ops@example.org","password":"correct horse"}"#
    let logins = try begin(300, backend, "POST", "/login", body: body)
    try expectImmediateAnswers(backend, token: token, "beside 300 logins")
    #expect(logins.contains { !$0.isAnswered }, "nobody waited, so nothing was shown")
    let answers = try logins.map { try $0.answer() }
    #expect(answers.allSatisfy { $0.status == 200 || $0.status == 503 && $0["retry-after"] != nil })
    #expect(answers.contains { $0.status == 200 })
    #expect(answers.contains { $0.status == 503 }, "the queue has no end")
  }

  // MARK: - The log

  /// A pipe of 64 KiB whose reader is stopped, and more lines than it holds.
  @Test func aLogThatNobodyReadsHoldsUpNobody() throws {
    let backend = try Backend(
      in: folder, workers: 2,
      tracer: [
        "bash", "-c", "exec \"$@\" 2> >(echo $BASHPID > \(folder.file("reader")); exec cat > /dev/null)",
        "bash",
      ])
    let token = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    let number = try folder.read("reader").trimmingCharacters(in: .whitespacesAndNewlines)
    let reader = try #require(pid_t(number))
    kill(reader, SIGSTOP)
    defer { kill(reader, SIGKILL) }
    for _ in 0..<2000 {
      let answer = try FastCGIClient(unix: backend.socket).send(
        "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "wrong")], body: Array(session.utf8))
      #expect(answer.status == 401)
    }
    try expectImmediateAnswers(backend, token: token, "with a stopped log reader")
    #expect(backend.child.stop(within: 3) == 0)
  }
}
