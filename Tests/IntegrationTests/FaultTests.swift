import Foundation
import TestSupport
import Testing

/// Disks that fail and disks that are full.
@Suite(.serialized) struct FaultTests {
  private let folder = TemporaryFolder()

  /// What was answered with 200, and what must therefore be in the files.
  private struct Promises {
    var revoked: Set<String> = []
    var minted: Set<String> = []
    var refused = 0
    var unavailable = 0
  }

  private func ask(_ socket: String, _ operatorToken: String, rounds: Range<Int>) throws -> Promises {
    var promises = Promises()
    for round in rounds {
      let client = try FastCGIClient(unix: socket, keepsConnection: true)
      let revocation = try client.revoke("r\(round)", bearer: operatorToken)
      if revocation.status == 200 { promises.revoked.insert("r\(round)") }
      let session = try client.mint("s\(round)", role: "agent")
      if session.status == 200 { promises.minted.insert(claim("jti", of: session.string("session_token"))) }
      let challenge = try client.postJSON("/challenge", #"{"address":"aa"}"#)
      for answer in [revocation, session, challenge] where answer.status != 200 {
        #expect(answer.status == 503)
        #expect(answer["retry-after"] != nil)
        promises.unavailable += 1
      }
    }
    return promises
  }

  private func lines(_ prefix: String, of state: String) throws -> String {
    try FileManager.default.contentsOfDirectory(atPath: state)
      .filter { $0.hasPrefix(prefix) && !$0.contains(".torn-") && !$0.hasSuffix(".lock") }
      .map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(state)/\($0)")), as: UTF8.self) }
      .joined()
  }

  private func keeps(_ promises: Promises, _ state: String, _ comment: String) throws {
    let revocations = try lines("revocations.jsonl", of: state)
    for jti in promises.revoked { #expect(revocations.contains("{\"jti\":\"\(jti)\""), "\(comment)") }
    let mints = try lines("mints.jsonl", of: state)
    for jti in promises.minted { #expect(mints.contains("{\"jti\":\"\(jti)\""), "\(comment)") }
  }

  /// An archive gets no writer that would recover its end after a power cut.
  @Test(.enabled(if: FaultInjection.isPossible, "strace can't trace here"))
  func anArchiveIsOnTheDiskBeforeItIsOne() throws {
    let before = try Backend(in: folder)
    before.child.stop()
    let line =
      #"{"jti":"m","sub":"s","role":"r","iat":1,"exp":2,"kind":"sign","scope":"","agent_id":"","session_id":""}"#
    let text = String(repeating: line + "\n", count: (64 << 20) / line.utf8.count + 1)
    try folder.write("state/mints.jsonl", text)
    let trace = folder.file("trace")
    let backend = try Backend(
      in: folder,
      tracer: ["strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fdatasync,rename"])
    #expect(try FastCGIClient(unix: backend.socket).mint("s", role: "agent").status == 200)
    for process in backend.child.children { kill(process, SIGTERM) }
    #expect(eventually { !backend.child.isRunning })
    let calls = try folder.read("trace").split(separator: "\n")
    let rename = try #require(
      calls.firstIndex { $0.contains("rename(") && $0.contains("mints.jsonl.000001\"") })
    #expect(calls[..<rename].contains { $0.contains("fdatasync(") && $0.contains("/mints.jsonl>") })
  }

  /// Each of the first 50 calls of a kind fails in one of ten runs.
  @Test(
    .enabled(if: FaultInjection.isPossible, "strace can't trace here"),
    arguments: ["pwrite64:error=ENOSPC", "fdatasync:error=EIO", "rename:error=EIO", "fsync:error=EIO"])
  func aFailingCallBreaksNoPromise(_ fault: String) throws {
    let call = String(fault.prefix { $0 != ":" })
    for first in 1...10 {
      let folder = TemporaryFolder()
      let before = try Backend(in: folder)
      let operatorToken = try FastCGIClient(unix: before.socket).session("op", role: "operator")
      let earlier = try ask(before.socket, operatorToken, rounds: 0..<3)
      #expect(earlier.unavailable == 0)
      before.child.stop()

      let backend = try Backend(
        in: folder,
        tracer: [
          "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(fault):when=\(first)+10",
        ])
      let during = try ask(backend.socket, operatorToken, rounds: 3..<23)
      // Folders are flushed and files renamed too seldom for each run to meet a fault.
      if call == "pwrite64" || call == "fdatasync" { #expect(during.unavailable > 0) }
      // The tracer's program ends with the tracer's child.
      for process in backend.child.children { kill(process, SIGTERM) }
      #expect(eventually { !backend.child.isRunning })

      let after = try Backend(in: folder)
      let later = try ask(after.socket, operatorToken, rounds: 23..<26)
      #expect(later.unavailable == 0, "\(fault) \(first)")
      after.child.stop()
      for promises in [earlier, during, later] { try keeps(promises, after.state, "\(fault) \(first)") }
      let verify = try Tool.run([Tool.picoAuth, "store", "verify", "--config", folder.file("pico-auth.yaml")])
      #expect(verify.status == 0, "\(verify.output)")
    }
  }

  /// Expired challenges that fill a disk make room for new ones.
  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func challengesThatFillTheDiskGoWhenTheyExpire() throws {
    let disk = folder.file("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    try #require(try Tool.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status == 0)
    defer { _ = try? Tool.run(["umount", "-l", disk]) }
    let backend = try Backend(
      in: folder, state: disk + "/state", settings: "  challenge_ttl_seconds: 1\n  state_reserve_bytes: 0")
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    func status() throws -> Int { try client.postJSON("/challenge", #"{"address":"aa"}"#).status }
    for _ in 0..<3 {
      // As fast as it goes: the disk must be full before anything expires.
      #expect(try (0..<5000).contains { _ in try status() == 503 })
      #expect(try eventually { try status() == 200 })
    }
  }

  @Test(.enabled(if: FaultInjection.canMount, "only root can mount a small disk"))
  func aFullDiskIsA503UntilThereIsSpace() throws {
    let disk = folder.file("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    // 2 MiB of it are for the file of failed attempts.
    try #require(
      try Tool.run(["mount", "-t", "tmpfs", "-o", "size=2304k", "tmpfs", disk]).status == 0)
    defer { _ = try? Tool.run(["umount", "-l", disk]) }
    let backend = try Backend(
      in: folder, state: disk + "/state", workers: 2,
      settings: Backend.settings + "\n  state_reserve_bytes: 0")
    let operatorToken = try FastCGIClient(unix: backend.socket).session("op", role: "operator")
    let before = try ask(backend.socket, operatorToken, rounds: 0..<5)
    #expect(before.unavailable == 0)

    // Filled but for less than a page, so that records are cut short, too.
    let filler = disk + "/filler"
    try Data().write(to: URL(fileURLWithPath: filler))
    let handle = try #require(FileHandle(forWritingAtPath: filler))
    while (try? handle.write(contentsOf: Data(count: 1000))) != nil {}
    let during = try ask(backend.socket, operatorToken, rounds: 5..<80)
    #expect(during.unavailable > 0)
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    try keeps(during, backend.state, "during")

    // Not removed: processes that other tests started meanwhile may have inherited the file.
    try handle.truncate(atOffset: 0)
    let after = try ask(backend.socket, operatorToken, rounds: 80..<85)
    #expect(after.unavailable == 0, "\(backend.child.output)")
    for promises in [before, during, after] { try keeps(promises, backend.state, "after") }
    let list = try FastCGIClient(unix: backend.socket).revoked(bearer: operatorToken)
    #expect(before.revoked.union(during.revoked).union(after.revoked).isSubset(of: list))
  }
}
