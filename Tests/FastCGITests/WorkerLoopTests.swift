import CGI
import POSIX
import Synchronization
import TestSupport
import Testing

@testable import FastCGI
@testable import Supervision

/// The worker loop with handlers of the tests' own.
@Suite struct WorkerLoopTests {
  private let folder = TemporaryFolder()

  private func get(_ path: String, on client: FastCGIClient) throws -> HTTPAnswer {
    try client.send([("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", path)])
  }

  /// A supervisor that hears nothing kills a worker, the answers it still owes included.
  @Test func aWorkerThatStopsStillTellsThatItIsAlive() throws {
    let pipe = try WorkerPipe()
    let isHeld = Monitor(true)
    let isBusy = Atomic(false)
    let worker = try LocalWorker(
      path: folder.file("s"), heartbeat: Heartbeat(descriptor: pipe.writing.descriptor, interval: 0.01)
    ) { _, _ in
      Work(lane: .blocking) {
        isBusy.store(true, ordering: .relaxed)
        isHeld.wait { $0 ? nil : () }
        return .response(Response())
      }
    }
    let client = try FastCGIClient(unix: worker.path)
    try client.sendRaw(client.request([("SCRIPT_NAME", "/")]))
    #expect(eventually { isBusy.load(ordering: .relaxed) })
    worker.beginStop()
    // Its other threads come round once more and end.
    var beats = 0
    let goesOn = eventually {
      beats += pipe.readNumbers().count
      return beats >= 15
    }
    #expect(goesOn)
    isHeld.withLock { $0 = false }
    isHeld.wake()
    #expect(try client.answer().status == 200)
    #expect(worker.stop())
  }

  @Test func whatWaitsLeavesAThreadForWhatDoesNot() throws {
    let isHeld = Monitor(true)
    let waiting = Atomic(0)
    let worker = try LocalWorker(path: folder.file("s"), threads: 4) { request, _ in
      guard request.path == "/slow" else { return Work(lane: .immediate) { .response(Response()) } }
      return Work(lane: .blocking) {
        waiting.add(1, ordering: .relaxed)
        isHeld.wait { $0 ? nil : () }
        return .response(Response(status: .accepted))
      }
    }
    let slow = try (0..<20).map { _ in try FastCGIClient(unix: worker.path) }
    for client in slow { try client.sendRaw(client.request([("SCRIPT_NAME", "/slow")])) }
    #expect(eventually { waiting.load(ordering: .relaxed) == 3 })
    for _ in 0..<20 { #expect(try get("/", on: FastCGIClient(unix: worker.path)).status == 200) }
    #expect(waiting.load(ordering: .relaxed) == 3)
    isHeld.withLock { $0 = false }
    isHeld.wake()
    for client in slow { #expect(try client.answer().status == 202) }
    #expect(worker.stop())
  }

  /// Half an answer must not pass for a whole one.
  @Test func anAnswerThatBreaksOffEndsItsConnection() throws {
    struct DiskGone: Error {}
    let worker = try LocalWorker(path: folder.file("s")) { request, _ in
      Work(lane: .blocking) {
        var pieces = 3
        return .response(
          Response(
            body: .stream(
              BodyStream {
                pieces -= 1
                if pieces == 0 && request.path == "/broken" { throw DiskGone() }
                return pieces < 0 ? nil : [0x61]
              })))
      }
    }
    let client = try FastCGIClient(unix: worker.path, keepsConnection: true)
    #expect(try get("/", on: client).text == "aaa")
    #expect(throws: Socket.Failure.self) { try get("/broken", on: client) }
    #expect(try get("/", on: FastCGIClient(unix: worker.path)).text == "aaa")
    #expect(worker.stop())
  }

  /// What a handler begins in one lane it may go on with in another.
  @Test func aRequestMayChangeLanes() throws {
    let worker = try LocalWorker(path: folder.file("s")) { _, _ in
      Work(lane: .hashing) {
        .next(Work(lane: .blocking) { .response(Response(status: .created)) })
      }
    }
    let client = try FastCGIClient(unix: worker.path, keepsConnection: true)
    for _ in 0..<20 { #expect(try get("/", on: client).status == 201) }
    #expect(worker.stop())
  }

  /// Passwords are hashed a few at a time, and everything else is answered meanwhile.
  @Test(arguments: [(threads: 4, limit: 0, atOnce: 2), (2, 0, 1), (4, 1, 1), (2, 5, 5)])
  func fewPasswordsAreHashedAtOnce(_ setting: (threads: Int, limit: Int, atOnce: Int)) throws {
    let isHeld = Monitor(true)
    let running = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    let worker = try LocalWorker(
      path: folder.file("s"), threads: setting.threads, hashingLimit: setting.limit
    ) { request, _ in
      guard request.path == "/login" else {
        return Work(lane: request.path == "/blocking" ? .blocking : .immediate) {
          .response(Response(status: .ok))
        }
      }
      // As a login does: it may wait, then hashes, then may wait again.
      return Work(lane: .blocking) {
        .next(
          Work(lane: .hashing) {
            most.max(running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
            isHeld.wait { $0 ? nil : () }
            running.subtract(1, ordering: .relaxed)
            return .next(Work(lane: .blocking) { .response(Response(status: .created)) })
          })
      }
    }
    let logins = try (0..<20).map { _ in try FastCGIClient(unix: worker.path) }
    for client in logins { try client.sendRaw(client.request([("SCRIPT_NAME", "/login")])) }
    #expect(eventually { running.load(ordering: .relaxed) == setting.atOnce })
    for path in ["/", "/blocking"] {
      for _ in 0..<20 { #expect(try get(path, on: FastCGIClient(unix: worker.path)).status == 200) }
    }
    isHeld.withLock { $0 = false }
    isHeld.wake()
    for client in logins { #expect(try client.answer().status == 201) }
    #expect(most.load(ordering: .relaxed) == setting.atOnce)
    #expect(worker.stop())
  }

  /// A password that waits too long is refused, and can be tried again.
  @Test func aPasswordWaitsForSecondsAtMost() throws {
    let isHeld = Monitor(true)
    let worker = try LocalWorker(path: folder.file("s"), threads: 2) { _, _ in
      Work(lane: .hashing) {
        isHeld.wait { $0 ? nil : () }
        return .response(Response(status: .created))
      }
    }
    let logins = try (0..<2).map { _ in try FastCGIClient(unix: worker.path) }
    for client in logins { try client.sendRaw(client.request([("SCRIPT_NAME", "/login")])) }
    #expect(eventually(within: 30) { logins.contains { $0.isAnswered } })
    let place = try #require(logins.firstIndex { $0.isAnswered })
    let refused = try logins[place].answer()
    #expect(refused.status == 503)
    #expect(refused["retry-after"] != nil)
    isHeld.withLock { $0 = false }
    isHeld.wake()
    #expect(try logins[1 - place].answer().status == 201)
    #expect(worker.stop())
  }
}
