import Foundation
import POSIX
import Synchronization
import TestSupport
import Testing

@Suite(.serialized) struct SupervisorTests {
  private let folder = TemporaryFolder()

  @Test func aKilledWorkerIsReplacedAndNobodyWaits() throws {
    let backend = try Backend(in: folder, workers: 1)
    let worker = try #require(backend.child.children.first)
    kill(worker, SIGKILL)
    let start = Date()
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    #expect(Date().timeIntervalSince(start) < 1)
    #expect(backend.child.children.count == 1)
    #expect(!backend.child.children.contains(worker))
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func aStopEndsEverythingAndRemovesTheSocket(_ signal: Int32) throws {
    let backend = try Backend(in: folder, workers: 3)
    let workers = backend.child.children
    #expect(workers.count == 3)
    #expect(backend.child.stop(signal, within: 2) == 0)
    for worker in workers { #expect(kill(worker, 0) == -1) }
    #expect(!FileManager.default.fileExists(atPath: backend.socket))
  }

  @Test(arguments: [1, 4, 16])
  func aStopWaitsForTheRequestThatIsUnderWay(_ threads: Int) throws {
    let backend = try Backend(in: folder, workers: 1, threads: threads)
    let worker = try #require(backend.child.children.first)
    let body = Array(#"{"address":"aa"}"#.utf8)
    let client = try FastCGIClient(unix: backend.socket)
    let request = client.request(
      [
        ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/api/v1/auth/challenge"),
        ("CONTENT_LENGTH", "\(body.count)"),
      ], body: body)
    // All but the end of the body: the worker is in the middle of the request once it has read that.
    try client.sendRaw(request.dropLast(12))
    #expect(eventually { client.isRead })
    backend.child.kill(SIGTERM)
    try client.sendRaw(request.suffix(12))
    #expect(try client.answer().status == 200)
    #expect(backend.child.stop(within: 2) == 0)
    #expect(kill(worker, 0) == -1)
  }

  @Test(arguments: [1, 4, 16])
  func aStopUnderLoadIsAsQuickAsAnyOther(_ threads: Int) throws {
    let backend = try Backend(in: folder, workers: 2, threads: threads)
    let socket = backend.socket
    let answered = Atomic<Int>(0)
    let clients = Thread {
      _ = try? concurrently(8) { _ in
        while try FastCGIClient(unix: socket).get("/jwks").status == 200 {
          answered.add(1, ordering: .relaxed)
        }
      }
    }
    clients.start()
    #expect(eventually { answered.load(ordering: .relaxed) > 100 })
    #expect(!clients.isFinished)
    #expect(backend.child.stop(SIGTERM, within: 2) == 0)
    #expect(eventually { clients.isFinished })
  }

  @Test(arguments: [1, 4])
  func aStopAnswersWhateverHadArrived(_ threads: Int) throws {
    let backend = try Backend(in: folder, workers: 1, threads: threads)
    // More than the threads can have begun with, each with its whole request sent.
    let clients = try (0..<40).map { _ in
      let client = try FastCGIClient(unix: backend.socket)
      try client.sendRaw(client.request(variables()))
      return client
    }
    backend.child.kill(SIGTERM)
    for client in clients { #expect(try client.answer().status == 200) }
    #expect(backend.child.stop(within: 2) == 0)
  }

  @Test func aStopIsNotHeldUpByHalfRequests() throws {
    let backend = try Backend(in: folder, workers: 1, threads: 2)
    let half = try (0..<6).map { _ in
      let client = try FastCGIClient(unix: backend.socket)
      try client.sendRaw(client.request(variables()).prefix(30))
      return client
    }
    #expect(backend.child.stop(within: 5) == 0)
    withExtendedLifetime(half) {}
  }

  @Test func aWorkerThatStartsLaterHasTheKeysOfTheOthers() throws {
    let backend = try Backend(in: folder, workers: 2)
    let config = folder.file("pico-auth.yaml")
    #expect(try Tool.run([Tool.picoAuth, "keys", "generate", "--config", config]).status == 0)
    kill(try #require(backend.child.children.first), SIGKILL)
    #expect(eventually { backend.child.children.count == 2 })
    let keySets = try (0..<200).map { _ in try FastCGIClient(unix: backend.socket).get("/jwks").text }
    #expect(Set(keySets).count == 1)
    #expect(keySets[0].contains("pico-server-auth-1") && !keySets[0].contains("pico-server-auth-2"))
    #expect(backend.child.stop() == 0)
    let restarted = try Backend(in: folder, workers: 2)
    #expect(try FastCGIClient(unix: restarted.socket).get("/jwks").text.contains("pico-server-auth-2"))
  }

  /// However it was started: with a log that nobody reads, or with signals that somebody ignores.
  @Test func itServesOnWhateverItsParentDid() throws {
    let backend = try Backend(
      in: folder,
      tracer: [
        "bash", "-c", "trap '' CHLD PIPE; exec \"$@\" 2> >(head -c 1 >/dev/null)", "bash",
      ])
    for _ in 0..<3 {
      kill(try #require(backend.child.children.first { isServing($0) }), SIGKILL)
      #expect(eventually { backend.child.children.contains { isServing($0) } })
      #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    }
    #expect(backend.child.stop(within: 2) == 0)
  }

  @Test func aWorkerThatHangsIsReplaced() throws {
    let backend = try Backend(in: folder, workers: 2, settings: "  worker_timeout_seconds: 2")
    let hung = try #require(backend.child.children.first)
    kill(hung, SIGSTOP)
    #expect(
      eventually(within: 60) {
        backend.child.children.count { isServing($0) } == 2 && !backend.child.children.contains(hung)
      })
    #expect(backend.child.output.contains("worker sent no heartbeat; killed process=\(hung)"))
    for _ in 0..<20 { #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200) }
    // Its neighbour had no part in that.
    #expect(backend.child.output.components(separatedBy: "worker sent no heartbeat").count == 2)
  }

  /// As when a machine sleeps: whoever wakes up first must not take the others for hanging.
  @Test func aPauseOfAllIsNobodysFault() throws {
    let backend = try Backend(in: folder, workers: 2, settings: "  worker_timeout_seconds: 1")
    let workers = backend.child.children
    for process in [backend.child.identifier] + workers { kill(process, SIGSTOP) }
    let start = Clock.monotonicNanoseconds
    #expect(eventually { Clock.monotonicNanoseconds > start + 2_000_000_000 })
    backend.child.kill(SIGCONT)
    // The supervisor alone comes round a few times before the workers do.
    #expect(eventually { (try? Tool.run([Tool.picoAuth, "--version"]).status) == 0 })
    for process in workers { kill(process, SIGCONT) }
    for _ in 0..<20 { #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200) }
    #expect(backend.child.children == workers)
    #expect(!backend.child.output.contains("worker sent no heartbeat"))
  }

  /// As many connections may wait as the system allows, while no worker accepts them.
  @Test func aBurstOfConnectionsIsNotRefused() throws {
    let text = try String(contentsOfFile: "/proc/sys/net/core/somaxconn", encoding: .utf8)
    let maximum = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    let backend = try Backend(in: folder, settings: "  worker_timeout_seconds: 0")
    let worker = try #require(backend.child.children.first)
    kill(worker, SIGSTOP)
    let clients = try (0..<min(maximum, 3000)).map { _ in
      try FastCGIClient(unix: backend.socket, waits: false)
    }
    let request = clients[0].request(variables())
    for client in clients { try client.sendRaw(request) }
    kill(worker, SIGCONT)
    for client in clients { #expect(try client.answer().status == 200) }
  }

  /// 500 connections that say nothing, and 100 descriptors: those that were silent the longest make room.
  @Test func silentConnectionsMakeRoomForOthers() throws {
    let backend = try Backend(
      in: folder, tracer: ["bash", "-c", "ulimit -n 100; exec \"$@\"", "bash"])
    let silent = try (0..<500).map { _ in try FastCGIClient(unix: backend.socket) }
    for _ in 0..<50 { #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200) }
    withExtendedLifetime(silent) {}
  }

  @Test func aWorkerThatGetsNoThreadsSaysSo() throws {
    let failure = #expect(throws: Backend.StartFailure.self) {
      try Backend(
        in: folder, threads: 256,
        tracer: [
          "bash", "-c",
          "ulimit -v 1500000; timeout 3 \"$@\"", "bash",
        ])
    }
    #expect(
      failure?.log.contains("worker can't start reason=\"pthread_create: ") == true, "\(failure?.log ?? "")")
  }

  private func isServing(_ process: pid_t) -> Bool {
    (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8))?.contains("worker") ?? false
  }

  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    try folder.write("precious", "data")
    let result = try Tool.run(
      [Tool.picoAuth, "serve", "--listen", "unix:\(folder.file("precious"))"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.path])
    #expect(result.status == 1)
    #expect(result.errors.contains("isn't a socket"))
    #expect(try folder.read("precious") == "data")
  }

  private func variables() -> [(String, String)] {
    [("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/api/v1/auth/jwks")]
  }

  @Test func noWorkerOutlivesAKilledSupervisor() throws {
    let backend = try Backend(in: folder, workers: 2)
    let workers = backend.child.children
    backend.child.kill(SIGKILL)
    #expect(eventually(within: 5) { workers.allSatisfy { kill($0, 0) == -1 } })
  }

  @Test func theSocketIsForItsGroupOnly() throws {
    let backend = try Backend(in: folder)
    let mode = try FileManager.default.attributesOfItem(atPath: backend.socket)[.posixPermissions] as? Int
    #expect(mode == 0o660)
  }

  @Test func aStaleSocketIsReplacedAndALiveOneIsNot() throws {
    let first = try Backend(in: folder)
    first.child.kill(SIGKILL)
    #expect(eventually { !first.child.isRunning })
    #expect(FileManager.default.fileExists(atPath: first.socket))
    let second = try Backend(in: folder)
    let third = try Tool.run(
      [
        Tool.picoAuth, "serve", "--listen", "unix:\(second.socket)", "--config",
        folder.file("pico-auth.yaml"),
      ])
    #expect(third.status == 1)
    #expect(third.errors.contains("another process listens there"))
    #expect(try FastCGIClient(unix: second.socket).get("/jwks").status == 200)
  }

  @Test func aBadConfigurationIsToldOnceAndNothingStarts() throws {
    let failure = #expect(throws: Backend.StartFailure.self) {
      try Backend(in: folder, workers: 4, settings: "  isuer: x")
    }
    let log = failure?.log ?? ""
    #expect(log.contains("pico-auth.yaml:3: unknown key isuer"))
    #expect(log.split(separator: "\n").count == 1)
  }

  @Test func nothingSecretIsInTheProcessListOrTheLog() throws {
    let backend = try Backend(in: folder, workers: 1)
    for process in backend.child.children + [backend.child.identifier] {
      let line = try String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
      #expect(line.contains("pico-auth"))
      #expect(!line.contains("fleet-secret"))
    }
    _ = try FastCGIClient(unix: backend.socket).postJSON(
      "/login", #"{"email":"ops@example.org","password":"hunter2-attempt"}"#)
    #expect(!backend.child.output.contains("correct horse"))
    #expect(!backend.child.output.contains("fleet-secret"))
    #expect(!backend.child.output.contains("hunter2"))
  }
}
