import Foundation
import Synchronization
import TestSupport
import Testing
import Wallets

/// Workers that are killed, in the middle of everything.
@Suite(.serialized) struct ChaosTests {
  private let folder = TemporaryFolder()

  private struct Tally {
    var accepted: [String: Int] = [:]
    var revoked: Set<String> = []
    var signIns = 0
    var isOver = false
  }

  @Test func nothingAnsweredIsLostAndNoChallengeIsGoodTwice() throws {
    let backend = try Backend(in: folder, workers: 4, threads: 4)
    let nginx = try WebServer.nginx([backend.socket])
    let client = nginx.client
    let operatorToken = try client.session("op", role: "operator")
    let tally = Mutex(Tally())

    let killer = Thread {
      for _ in 0..<200 {
        guard let worker = backend.child.children.randomElement() else { continue }
        kill(worker, SIGKILL)
        let start = Date()
        // Back within a second, while three others serve as well.
        let isBack = eventually(within: 1) { (try? client.get("/jwks").status) == 200 }
        if !isBack { Issue.record("not back \(Date().timeIntervalSince(start)) s after a kill") }
        poll(nil, 0, 20)
      }
      tally.withLock { $0.isOver = true }
    }
    killer.start()
    _ = try concurrently(8) { number in
      let key = try WalletKey(Ed25519Scheme())
      while true {
        let state = tally.withLock { ($0.signIns, $0.revoked.count, $0.isOver) }
        if state.0 >= 10_000 && state.1 >= 2_000 && state.2 { return }
        guard let challenge = try? client.challenge(key.address), !challenge.isEmpty,
          let body = try? key.signIn(challenge)
        else { continue }
        for _ in 0..<2 where (try? client.postJSON("/sign-in", body).status) == 200 {
          tally.withLock {
            $0.accepted[challenge, default: 0] += 1
            $0.signIns += 1
          }
        }
        if state.1 < 2_000 || state.0.isMultiple(of: 5) {
          let jti = "\(number).\(state.0).\(UUID())"
          if (try? client.revoke(jti, bearer: operatorToken).status) == 200 {
            _ = tally.withLock { $0.revoked.insert(jti) }
          }
        }
      }
    }
    #expect(eventually { killer.isFinished })
    let result = tally.withLock { $0 }
    #expect(result.signIns >= 10_000)
    #expect(result.revoked.count >= 2_000)
    #expect(result.accepted.values.allSatisfy { $0 == 1 })
    let listed = try client.revoked(bearer: operatorToken)
    #expect(result.revoked.isSubset(of: listed))
    let verify = try Tool.run([Tool.picoAuth, "store", "verify", "--config", folder.file("pico-auth.yaml")])
    #expect(verify.status == 0, "\(verify.output)")
  }

  @Test func aRevocationIsRefusedByTheNextRequestOnEveryWorker() throws {
    let folder = folder
    let backends = try (0..<4).map {
      try Backend(in: folder, name: "backend-\($0)", state: folder.file("shared"), threads: 2)
    }
    let clients = try backends.map { try FastCGIClient(unix: $0.socket, keepsConnection: true) }
    let operatorToken = try clients[0].session("op", role: "operator")
    var stale = 0
    for round in 0..<2500 {
      let victim = try clients[round % 4].session("v", role: "operator", ttl: 120)
      if round < 4 { #expect(try clients[round].call("GET", "/mints?limit=1", bearer: victim).status == 200) }
      let answer = try clients[(round + 1) % 4].revoke(claim("jti", of: victim), bearer: operatorToken)
      #expect(answer.status == 200)
      for client in clients where try client.call("GET", "/mints?limit=1", bearer: victim).status != 401 {
        stale += 1
      }
    }
    #expect(stale == 0)
  }

  /// The real compactor, killed by the kernel's tracer at its first, second, third … call of each kind, while
  /// eight others write.
  @Test(.enabled(if: FaultInjection.isPossible, "strace can't trace here"))
  func aCompactorKilledAtAnyStepLosesNothing() throws {
    let backend = try Backend(in: folder, workers: 2)
    let config = folder.file("pico-auth.yaml")
    let socket = backend.socket
    let operatorToken = try FastCGIClient(unix: socket).session("op", role: "operator")
    let isOver = Mutex(false)
    let acknowledged = Mutex<Set<String>>([])
    let writers = Thread {
      _ = try? concurrently(8) { number in
        var index = 0
        while !isOver.withLock({ $0 }) {
          index += 1
          let client = try FastCGIClient(unix: socket)
          if try client.revoke("\(number).\(index)", bearer: operatorToken).status == 200 {
            _ = acknowledged.withLock { $0.insert("\(number).\(index)") }
          }
        }
      }
    }
    writers.start()
    let calls = ["openat", "unlink", "flock", "pwrite64", "fdatasync", "fsync", "rename", "close"]
    var killed = 0
    for round in 0..<100 {
      let call = calls[round % calls.count]
      let result = try Tool.run([
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
        "inject=\(call):signal=SIGKILL:when=\(round / calls.count + 1)", Tool.picoAuth, "store", "compact",
        "--config", config,
      ])
      if result.status != 0 { killed += 1 }
    }
    isOver.withLock { $0 = true }
    #expect(eventually { writers.isFinished })
    #expect(killed > 30)
    let last = try Tool.run([Tool.picoAuth, "store", "compact", "--config", config])
    #expect(last.status == 0, "\(last.errors)")
    let listed = try FastCGIClient(unix: socket).revoked(bearer: operatorToken)
    #expect(listed == acknowledged.withLock { $0 })
    #expect(listed.count > 100)
  }
}
