import Foundation
import TestSupport
import Testing
import Wallets

/// A disk that fills up: nobody gets anything more that would fill it, and tokens can still be revoked.
@Suite(.serialized) struct SpaceReserveTests {
  private let folder = TemporaryFolder()
  private static let settings = Backend.settings + "\n  state_reserve_bytes: 1048576"

  private func withDisk(size: String = "5m", _ body: (String, FileHandle) throws -> Void) throws {
    let disk = folder.file("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    try #require(try Tool.run(["mount", "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", disk]).status == 0)
    defer { _ = try? Tool.run(["umount", "-l", disk]) }
    let filler = disk + "/filler"
    try Data().write(to: URL(fileURLWithPath: filler))
    try body(disk, try #require(FileHandle(forWritingAtPath: filler)))
  }

  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func belowTheReserveTokensAreRefusedAndRevocationsAreNot() throws {
    // The first fleet secret makes a file of 2 MiB.
    try withDisk { disk, filler in
      let backend = try Backend(in: folder, state: disk + "/state", workers: 2, settings: Self.settings)
      let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
      let bearer = try client.session("op", role: "operator")
      let key = try WalletKey(Ed25519Scheme())
      let signIn = try key.signIn(try client.challenge(key.address))
      let tokens = try client.signIn(key)
      let refresh = #"{"refresh_token":"\#(tokens.string("refresh_token"))"}"#
      let login = #"{"email":"ops@example.org","password":"correct horse"}"#
      let victims = try (0..<50).map { claim("jti", of: try client.session("s\($0)", role: "agent")) }

      try filler.write(contentsOf: Data(count: 2_200_000))
      func challenge() throws -> HTTPAnswer { try client.postJSON("/challenge", #"{"address":"aa"}"#) }
      #expect(try eventually { try challenge().status == 503 })
      #expect(try eventually { try client.postJSON("/refresh", refresh).status == 503 })
      for answer in [
        try challenge(), try client.postJSON("/refresh", refresh), try client.postJSON("/login", login),
        try client.postJSON("/sign-in", signIn),
        try client.send(
          "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
          body: Array(#"{"session_id":"s","agent_id":"a"}"#.utf8)),
      ] {
        #expect(answer.status == 503, "\(answer.text)")
        #expect(answer["retry-after"] == "10")
        #expect(!answer.text.contains(disk))
      }
      #expect(try client.call("GET", "/verify", bearer: bearer).status == 204)

      // Durable: whoever comes after a kill finds them.
      for victim in victims { #expect(try client.revoke(victim, bearer: bearer).status == 200) }
      let ready = try client.get("/health/ready")
      #expect(ready.status == 503)
      let free = try #require(ready.detail.firstMatch(of: #/not ready: free space \((\d+) bytes free\)/#))
      #expect((100_000..<1_048_576).contains(Int(free.1) ?? 0), "\(ready.detail)")
      let check = try Tool.run([Tool.picoAuth, "check", "--config", backend.config])
      #expect(check.output.contains(#/\n\d{6} bytes are free/#), "\(check.output)")
      #expect(check.errors.contains("until 1048576 bytes are free"))
      for worker in backend.child.children + [backend.child.identifier] { kill(worker, SIGKILL) }
      #expect(eventually { !backend.child.isRunning })

      let after = try Backend(in: folder, state: disk + "/state", workers: 2, settings: Self.settings)
      let later = try FastCGIClient(unix: after.socket, keepsConnection: true)
      #expect(try later.revoked(bearer: bearer).isSuperset(of: victims))
      #expect(try later.postJSON("/challenge", #"{"address":"aa"}"#).status == 503)

      try filler.truncate(atOffset: 0)
      #expect(try eventually { try later.postJSON("/challenge", #"{"address":"aa"}"#).status == 200 })
      #expect(try eventually { try later.postJSON("/login", login).status == 200 })
      #expect(try later.postJSON("/refresh", refresh).status == 200)
      #expect(try eventually { try later.get("/health/ready").status == 200 })
      #expect(try later.get("/health/ready").json()["free_bytes"]?.integer ?? 0 > 1_048_576)
    }
  }

  /// The largest records there are, as fast as they go, through two processes: what they write between two looks at the
  /// disk is not taken from the reserve.
  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFloodOfLargeRecordsLeavesTheReserveToRevocations() throws {
    let reserve = 2 << 20
    try withDisk(size: "6m") { disk, _ in
      let backend = try Backend(
        in: folder, state: disk + "/state", workers: 2,
        settings: Backend.settings + "\n  state_reserve_bytes: \(reserve)")
      let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
      let bearer = try client.session("op", role: "operator")
      let text = String(repeating: "a", count: 4000)
      let scope = String(repeating: "x ", count: 2000)
      let body = Array(#"{"session_id":"\#(text)","agent_id":"\#(text)","scope":"\#(scope)"}"#.utf8)
      let socket = backend.socket
      let answers = try concurrently(16) { _ in
        let flood = try FastCGIClient(unix: socket, keepsConnection: true)
        var statuses: [Int] = []
        // Each answers 503 a while before it gives up, as others still write.
        while statuses.suffix(20) != [Int](repeating: 503, count: 20) && statuses.count < 5000 {
          statuses.append(
            try flood.send(
              "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")], body: body
            ).status)
        }
        return statuses
      }
      #expect(Set(answers.joined()) == [200, 503])
      let attributes = try FileManager.default.attributesOfFileSystem(forPath: disk)
      let free = try #require(attributes[.systemFreeSize] as? Int)
      // Sixteen records of 13 KB may be on their way.
      #expect(free >= reserve - 16 * 16384, "\(free)")
      for number in 0..<200 {
        let jti = String(repeating: "0", count: 29) + "\(100 + number)"
        #expect(try client.revoke(jti, bearer: bearer).status == 200)
      }
      let check = try Tool.run([Tool.picoAuth, "check", "--config", backend.config])
      #expect(check.errors.contains("state_reserve_bytes is below 16777216"), "\(check.errors)")
    }
  }

  /// One wallet's refresh token and its successors, asked for as often as it goes, fill no more than the disk above the reserve.
  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFloodStopsAtTheReserve() throws {
    try withDisk { disk, filler in
      try filler.write(contentsOf: Data(count: 1_500_000))
      let backend = try Backend(in: folder, state: disk + "/state", workers: 2, settings: Self.settings)
      let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
      let bearer = try client.session("op", role: "operator")
      let tokens = try client.signIn(try WalletKey(Ed25519Scheme()))
      var token = tokens.string("refresh_token")
      let isFull = try (0..<20_000).contains { _ in
        let answer = try client.refresh(token)
        if answer.status == 200 { token = answer.string("refresh_token") }
        return answer.status == 503
      }
      #expect(isFull)
      #expect(
        try client.revoke(claim("jti", of: tokens.string("refresh_token")), bearer: bearer).status == 200)
    }
  }

  @Test(.enabled(if: FaultInjection.isPossible, "strace can't follow a child"))
  func aRequestCostsNoLookAtTheFileSystem() throws {
    let trace = folder.file("trace")
    let backend = try Backend(in: folder, tracer: ["strace", "-f", "-qq", "-o", trace, "-e", "trace=statfs"])
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    for _ in 0..<1000 { #expect(try client.postJSON("/challenge", #"{"address":"aa"}"#).status == 200) }
    for process in backend.child.children { kill(process, SIGTERM) }
    #expect(eventually { !backend.child.isRunning })
    let looks = try folder.read("trace").split(separator: "\n").count { $0.contains("statfs(") }
    #expect((1..<500).contains(looks), "\(looks)")
  }
}
