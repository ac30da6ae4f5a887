import Foundation
import Synchronization
import TestSupport
import Testing

/// The program as a FastCGI application, to the byte.
@Suite(.serialized) struct WorkerTests {
  private let folder = TemporaryFolder()

  private func variables(_ path: String = "/api/v1/auth/jwks") -> [(String, String)] {
    [("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", path)]
  }

  @Test func aKeptConnectionCarriesManyRequests() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    for _ in 0..<50 { #expect(try client.get("/jwks").status == 200) }
    #expect(try client.get("/nowhere").status == 404)
    #expect(try client.get("/jwks").status == 200)
  }

  /// More than a worker serves on one connection before it looks at others.
  @Test func requestsSentAtOnceAreAllAnswered() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    let requests = (0..<100).flatMap { index in
      client.request(variables(index % 2 == 0 ? "/api/v1/auth/jwks" : "/nowhere"))
    }
    try client.sendRaw(requests)
    for index in 0..<100 { #expect(try client.answer().status == (index % 2 == 0 ? 200 : 404), "\(index)") }
    #expect(try client.get("/jwks").status == 200)
  }

  /// Terminals and service managers signal a whole group.
  @Test func aSignalToTheGroupLosesNoRequest() throws {
    let backend = try Backend(in: folder)
    let workers = backend.child.descendants
    let clients = try (0..<8).map { _ in try FastCGIClient(unix: backend.socket, keepsConnection: true) }
    for client in clients { #expect(try client.get("/jwks").status == 200) }
    for worker in workers { kill(worker, SIGHUP) }
    for client in clients { #expect(try client.get("/jwks").status == 200) }
    let request = clients[0].request(variables())
    for client in clients { try client.sendRaw(request) }
    for worker in workers { kill(worker, SIGQUIT) }
    for client in clients { #expect(try client.answer().status == 200) }
  }

  @Test func aBodyThatNobodyReadsDoesNotSpoilTheNextRequest() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    for size in [1, 9_000, 70_000, 200_000] {
      let body = [UInt8](repeating: 0x20, count: size)
      #expect(try client.send("POST", "/nowhere", body: body).status == 404)
      #expect(try client.get("/jwks").status == 200, "after \(size) bytes")
    }
    let answer = try client.send("POST", "/challenge", body: [UInt8](repeating: 0x20, count: 70_000))
    #expect(answer.status == 413)
    #expect(try client.get("/jwks").status == 200)
  }

  @Test func aConnectionThatIsNotKeptIsClosedAtOnce() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket)
    #expect(try client.get("/jwks").status == 200)
    #expect(try client.isClosed())
  }

  @Test func moreKeptConnectionsThanThreadsAreServed() throws {
    let backend = try Backend(in: folder, threads: 2)
    let clients = try (0..<64).map { _ in
      try FastCGIClient(unix: backend.socket, keepsConnection: true)
    }
    for _ in 0..<3 {
      for client in clients { #expect(try client.get("/jwks").status == 200) }
    }
  }

  @Test func silentConnectionsHoldUpNobody() throws {
    let backend = try Backend(in: folder, threads: 2)
    let silent = try (0..<100).map { _ in try FastCGIClient(unix: backend.socket) }
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    withExtendedLifetime(silent) {}
  }

  /// Two hundred that say nothing and two hundred that stop in the middle: whoever asks is answered at once.
  @Test func slowPeersHoldUpNobody() throws {
    let backend = try Backend(in: folder, threads: 2)
    let whole = try FastCGIClient(unix: backend.socket).request(variables())
    let peers = try (0..<400).map { index in
      let client = try FastCGIClient(unix: backend.socket)
      if index >= 200 { try client.sendRaw(whole.prefix(1 + index % (whole.count - 1))) }
      return client
    }
    let answered = try concurrently(8) { _ in
      try (0..<50).allSatisfy { _ in try FastCGIClient(unix: backend.socket).get("/jwks").status == 200 }
    }
    #expect(answered.allSatisfy { $0 })
    // And the slow ones are answered when they have said it all.
    for (index, client) in peers.enumerated() {
      try client.sendRaw(whole.dropFirst(index >= 200 ? 1 + index % (whole.count - 1) : 0))
      #expect(try client.answer().status == 200)
    }
  }

  /// Peers that send without end, and such that never read what they asked for.
  @Test func greedyPeersHoldUpNobody() throws {
    let backend = try Backend(in: folder, threads: 2)
    let socket = backend.socket
    let stop = Atomic<Bool>(false)
    let sent = Atomic<Int>(0)
    // Questions about the application, and a body far beyond its limit.
    let question: [UInt8] = [1, 9, 0, 0, 0, 17, 0, 0, 15, 0] + Array("FCGI_MPXS_CONNS".utf8)
    let floods = Thread {
      _ = try? concurrently(4) { number in
        let client = try FastCGIClient(unix: socket)
        let head = number.isMultiple(of: 2) ? [] : client.request([("REQUEST_METHOD", "POST")]).dropLast(8)
        try client.sendRaw(Array(head))
        let chunk =
          number.isMultiple(of: 2)
          ? [[UInt8]](repeating: question, count: 2000).flatMap { $0 }
          : [1, 5, 0, 1, 0xff, 0xff, 0, 0] + [UInt8](repeating: 1, count: 65535)
        while !stop.load(ordering: .relaxed) {
          try client.sendRaw(chunk)
          sent.add(1, ordering: .relaxed)
        }
      }
    }
    floods.start()
    #expect(eventually { sent.load(ordering: .relaxed) > 0 })
    for _ in 0..<50 { #expect(try FastCGIClient(unix: socket).get("/jwks").status == 200) }
    stop.store(true, ordering: .relaxed)
    #expect(backend.child.stop(within: 2) == 0)
    #expect(eventually { floods.isFinished })
  }

  @Test func fieldsLargerThanAnybodyNeedsAreA431() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    let long = String(repeating: "x", count: 60_000)
    let answer = try client.send(variables() + (0..<20).map { ("HTTP_X_\($0)", long) })
    #expect(answer.status == 431)
    #expect(try client.get("/jwks").status == 200)
  }

  @Test func aBodyWithoutEndIsAnsweredBeforeIt() throws {
    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket)
    let answer = try client.send("POST", "/challenge", body: [UInt8](repeating: 0x20, count: 3_000_000))
    #expect(answer.status == 413)
    #expect(try client.isClosed())
  }

  @Test func aLieAboutTheLengthIsA400() throws {
    let backend = try Backend(in: folder)
    for length in ["5", "500", "-1", "x"] {
      let answer = try FastCGIClient(unix: backend.socket).send(
        [
          ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/api/v1/auth/challenge"),
          ("CONTENT_LENGTH", length),
        ], body: Array(#"{"address":"aa"}"#.utf8))
      #expect(answer.status == 400, "\(length)")
    }
  }

  @Test func whoeverHangsUpIsForgotten() throws {
    let backend = try Backend(in: folder)
    let whole = try FastCGIClient(unix: backend.socket).request(variables())
    for count in stride(from: 1, to: whole.count, by: 7) {
      try FastCGIClient(unix: backend.socket).sendRaw(Array(whole.prefix(count)))
    }
    // And before reading the answer.
    for _ in 0..<20 { try FastCGIClient(unix: backend.socket).sendRaw(whole) }
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    #expect(backend.child.children.count == 1)
    #expect(!backend.child.output.contains("worker ended"))
  }

  @Test func garbageEndsItsConnectionAndNothingElse() throws {
    let backend = try Backend(in: folder)
    for garbage in ["GET / HTTP/1.1\r\n\r\n", String(repeating: "\u{1}", count: 5000)] {
      let client = try FastCGIClient(unix: backend.socket)
      try client.sendRaw(Array(garbage.utf8))
      #expect(try client.isClosed())
    }
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    #expect(!backend.child.output.contains("worker ended"))
  }

  /// lighttpd and mod_authnz_fcgi never end an authorizer's standard input, and may even send some.
  @Test func anAuthorizerIsAnsweredWithoutItsInput() throws {
    let backend = try Backend(in: folder)
    let token = try FastCGIClient(unix: backend.socket).send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"s","agent_id":"a"}"#.utf8)
    ).string("session_token")
    for keeps in [false, true] {
      let client = try FastCGIClient(unix: backend.socket, keepsConnection: keeps)
      #expect(try client.send(variables(), role: 2).status == 401)
      guard keeps else {
        #expect(try client.isClosed())
        continue
      }
      // What is left of the request before doesn't spoil the next.
      try client.sendRaw([1, 5, 0, 1, 0, 3, 0, 0, 1, 2, 3, 1, 5, 0, 1, 0, 0, 0, 0])
      let answer = try client.send(
        variables() + [("HTTP_AUTHORIZATION", "Bearer \(token)"), ("CONTENT_LENGTH", "1048576")], role: 2)
      #expect(answer.status == 200)
      #expect(answer["variable-remote_user"] == "s")
    }
  }

  @Test func aHeadRequestHasTheFieldsAndNoBody() throws {
    let backend = try Backend(in: folder)
    let get = try FastCGIClient(unix: backend.socket).get("/jwks")
    let head = try FastCGIClient(unix: backend.socket).send("HEAD", "/jwks")
    #expect(head.body.isEmpty)
    #expect(head["content-length"] == "\(get.body.count)")
    #expect(head["etag"] == get["etag"])
  }
}
