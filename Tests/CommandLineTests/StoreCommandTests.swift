import Foundation
import TestSupport
import Testing

/// The commands that work on the shared files beside the workers.
@Suite struct StoreCommandTests {
  private let folder = TemporaryFolder()

  private func run(_ arguments: String...) throws -> CommandResult {
    try Tool.run([Tool.picoAuth] + arguments, environment: ["SERVER_AUTH_STATE_DIR": folder.path])
  }

  private func mint(_ jti: String, exp: Int, sub: String = "s") -> String {
    #"{"jti": "\#(jti)", "sub": "\#(sub)", "role": "agent", "iat": 1, "exp": \#(exp), "kind": "sign", "scope": "", "agent_id": "a", "session_id": "x"}"#
      + "\n"
  }

  @Test func tokensAreListedAndRevoked() throws {
    try folder.write(
      "mints.jsonl",
      mint("t1", exp: 2) + mint("t2", exp: 4_000_000_000) + mint("t3", exp: 4_000_000_000, sub: "o\\u001b[2J")
    )
    let revoked = try run("tokens", "revoke", "t2", "--reason", "lost")
    #expect(revoked.status == 0)
    #expect(revoked.output.contains("t2"))
    let list = try run("tokens", "list").output.split(separator: "\n").map(String.init)
    try #require(list.count == 3)
    #expect(list[0].hasPrefix("t3  good"))
    #expect(!list[0].contains("\u{1b}"))
    #expect(list[1].hasPrefix("t2  revoked"))
    #expect(list[2].hasPrefix("t1  expired"))
    #expect(try run("tokens", "list", "--active").output.hasPrefix("t3"))
    #expect(try run("tokens", "list", "--active").output.split(separator: "\n").count == 1)
    #expect(try run("tokens", "list", "--limit", "1").output.split(separator: "\n").count == 1)
    let json = try run("tokens", "list", "--json", "--sub", "s").output.split(separator: "\n")
    #expect(json.count == 2)
    #expect(json[0].contains(#""jti":"t2""#) && json[0].contains(#""revoked":true"#))
    #expect(try run("tokens", "revoked").output.contains("t2"))
    #expect(try run("tokens", "revoked", "--json").output.contains(#""reason":"lost""#))
    #expect(try run("tokens", "revoke", "t2", "--reason", "other", "--json").output.contains("lost"))
  }

  @Test func statusAndVerifyTellWhatIsThere() throws {
    #expect(try run("store", "verify").status == 0)
    try folder.write("mints.jsonl", mint("t1", exp: 2) + "garbage\n" + mint("t2", exp: 2))
    _ = try run("tokens", "revoke", "x")
    let status = try run("store", "status")
    #expect(status.status == 0)
    #expect(status.output.contains("mints.jsonl: 2 mints"))
    #expect(status.output.contains("1 BAD"))
    #expect(status.output.contains("revocations.jsonl: 1 revocations"))
    #expect(try run("store", "status", "--json").output.contains(#""kind":"mints""#))
    let verify = try run("store", "verify")
    #expect(verify.status == 1)
    #expect(
      verify.output
        == "\(folder.file("mints.jsonl")):2: is damaged (offset \(mint("t1", exp: 2).utf8.count))\n")
    #expect(try run("store", "verify", "--json").output.contains(#""line":2"#))
    let repair = try run("store", "verify", "--repair")
    #expect(repair.status == 3)
    #expect(repair.output.contains(":2: can't be read, and was dropped: garbage"))
    #expect(try run("store", "verify").status == 0)
    #expect(try run("store", "status").output.contains("mints.jsonl: 2 mints"))
  }

  @Test func aRepairWithoutLossExitsWithZero() throws {
    let jtis = (0..<60).map { "t\($0)" }
    for jti in jtis.prefix(3) { _ = try run("tokens", "revoke", jti) }
    let line = try folder.read("revocations.jsonl").split(separator: "\n")
    for damaged in [
      line.joined(separator: "\r\n") + "\r\n", line.joined(), "\u{feff}" + line.joined(separator: "\n"),
    ] {
      try folder.write("revocations.jsonl", damaged)
      #expect(try run("store", "verify").status == 1)
      let repair = try run("store", "verify", "--repair")
      #expect(repair.status == 0, "\(repair)")
      #expect(try run("store", "status").output.contains("revocations.jsonl: 3 revocations"))
    }
  }

  /// Without them, nobody knows whose sessions were ended. Nothing is dropped in silence.
  @Test func aRepairOfSessionsLeavesNothingBad() throws {
    #expect(try run("sessions", "end", "x").status != 0)
    for damage in ["header", "table gone", "both gone"] {
      #expect(try run("tokens", "revoke", "--sub", "s").status == 0)
      let status = try run("store", "status").output
      #expect(
        status.contains("sessions.dat: 0 sessions") && status.contains(".subjects: 1 subjects"), "\(status)")
      #expect(try run("store", "verify").status == 0)
      unlink(folder.file("sessions.dat"))
      if damage == "header" {
        try folder.write("sessions.dat.subjects", "damaged")
      } else {
        unlink(folder.file("sessions.dat.subjects"))
        if damage == "table gone" { try folder.write("sessions.dat", "") }
      }
      let verify = try run("store", "verify")
      #expect(verify.status == 1)
      #expect(verify.output.contains("sessions.dat.subjects:1: "), "\(damage): \(verify)")
      let repair = try run("store", "verify", "--repair")
      #expect(repair.status == 3, "\(damage)")
      #expect(repair.output.contains("everybody signs in again"), "\(damage): \(repair)")
      #expect(try run("store", "verify", "--repair").status == 0)
      #expect(try run("tokens", "revoke", "--sub", "s").status == 0)
    }
  }

  /// 1 MiB without a newline, 2 MiB of NULs: named with their offset, and repaired.
  @Test(arguments: [("x", 1 << 20), ("\0", 2 << 20)])
  func longDamageIsNamedAndRepaired(byte: String, count: Int) throws {
    _ = try run("tokens", "revoke", "t1")
    let start = try folder.read("revocations.jsonl")
    for end in ["", "\n" + start.replacing("t1", with: "t2")] {
      try folder.write("revocations.jsonl", start + String(repeating: byte, count: count) + end)
      let verify = try run("store", "verify")
      #expect(verify.status == 1)
      #expect(verify.output.contains("revocations.jsonl:2: "))
      #expect(verify.output.contains("(offset \(start.utf8.count))"))
      #expect(try run("store", "verify", "--repair").status == 3)
      #expect(try run("store", "verify").status == 0)
    }
  }

  /// Nobody accepts a damaged challenge, and all are gone in a minute.
  @Test func aHoleInTheChallengesIsANote() throws {
    let cgi = [
      "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/api/v1/auth/challenge",
      "CONTENT_LENGTH": "17", "CONTENT_TYPE": "application/json", "SERVER_AUTH_STATE_DIR": folder.path,
    ]
    for _ in 0..<3 {
      let answer = try Tool.run([Tool.picoAuth], environment: cgi, input: #"{"address":"abc"}"#)
      #expect(answer.output.contains("challenge"), "\(answer)")
    }
    var bytes = Array(try folder.read("challenges.jsonl").utf8)
    let end = bytes.count - 20
    for index in end - 200..<end { bytes[index] = 0 }
    try folder.write("challenges.jsonl", bytes: bytes)
    let verify = try run("store", "verify")
    #expect(verify.status == 0)
    #expect(verify.output.contains("note: \(folder.file("challenges.jsonl")):"))
    #expect(try run("store", "verify", "--json").output.contains(#""harmless":true"#))
  }

  @Test func compactDropsWhatHasExpired() throws {
    try folder.write(
      "mints.jsonl", mint("old", exp: 2) + mint("new", exp: 4_000_000_000))
    for jti in ["old", "new", "unknown"] { _ = try run("tokens", "revoke", jti) }
    let result = try run("store", "compact")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("revocations: 2 kept, 1 dropped"))
    let left = try run("tokens", "revoked").output
    #expect(left.contains("new") && left.contains("unknown") && !left.contains("old"))
    #expect(try run("store", "compact", "--json").output.contains(#""revocations_kept":2"#))
  }

  /// Records that are years old, which is what a clock that is years ahead makes of all.
  @Test func compactRefusesAClockThatNoRecordBearsOut() throws {
    try folder.write(
      "mints.jsonl", mint("old", exp: 1_700_000_900).replacing(#""iat": 1"#, with: #""iat": 1700000000"#))
    let revocation = #"{"jti": "old", "revoked_at": 1700000000.5, "reason": "", "revoked_by": ""}"# + "\n"
    try folder.write("revocations.jsonl", revocation)
    let refused = try run("store", "compact")
    #expect(refused.status == 1)
    #expect(refused.errors.contains("days ahead of the newest record") && refused.errors.contains("--force"))
    #expect(try folder.read("revocations.jsonl") == revocation)
    let forced = try run("store", "compact", "--force")
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(forced.output.contains("revocations: 0 kept, 1 dropped"))
  }

  /// A token may be older than the settings are.
  @Test func compactKeepsTokensOfFormerLifetimes() throws {
    let month = Int(Date().timeIntervalSince1970) - 30 * 86400
    try folder.write(
      "mints.jsonl",
      mint("other", exp: 4_000_000_000).replacing(#""iat": 1"#, with: #""iat": \#(month + 30 * 86400)"#))
    try folder.write(
      "revocations.jsonl",
      #"{"jti": "unknown", "revoked_at": \#(month), "reason": "", "revoked_by": ""}"# + "\n")
    let result = try Tool.run(
      [Tool.picoAuth, "store", "compact"],
      environment: [
        "SERVER_AUTH_STATE_DIR": folder.path, "SERVER_AUTH_FLEET_MAX_TTL_SECONDS": "86400",
        "SERVER_AUTH_FLEET_SESSION_TTL_SECONDS": "3600", "SERVER_AUTH_REFRESH_TOKEN_EXPIRE_DAYS": "1",
      ])
    #expect(result.output.contains("revocations: 1 kept, 0 dropped"), "\(result)")
  }

  /// What nothing is known of is kept: a revocation without a time, a token whose mint has none.
  @Test func compactKeepsWhatItCannotDate() throws {
    try folder.write(
      "mints.jsonl",
      mint("none", exp: 2).replacing(#""exp": 2, "#, with: "")
        + mint("later", exp: 4_000_000_000).replacing("4000000000", with: "4000000000.5"))
    try folder.write(
      "revocations.jsonl",
      #"{"jti": "timeless"}"# + "\n" + #"{"jti": "text", "revoked_at": "2026-01-01"}"# + "\n")
    for jti in ["none", "later"] { _ = try run("tokens", "revoke", jti) }
    let result = try Tool.run(
      [Tool.picoAuth, "store", "compact"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.path, "SERVER_AUTH_FLEET_MAX_TTL_SECONDS": "86400"])
    #expect(result.output.contains("revocations: 4 kept, 0 dropped"), "\(result)")
  }

  /// Key sets and tokens without a session need no session.
  @Test(arguments: ["sessions.dat", "sessions.dat.subjects"])
  func damagedSessionsKeepNoWorkerFromStarting(_ name: String) throws {
    #expect(try run("tokens", "revoke", "--sub", "s").status == 0)
    try folder.write(name, "damaged")
    let socket = folder.file("s.sock")
    let service = try Child(
      [Tool.picoAuth, "serve", "--listen", "unix:\(socket)", "--workers", "1"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.path], log: folder.file("log"))
    #expect(eventually { Backend.answers(socket) || !service.isRunning })
    #expect(service.isRunning, "\(service.output)")
    #expect(service.stop(within: 5) == 0, "\(service.output)")
    #expect(service.output.contains("sessions can't be read"), "\(service.output)")
  }

  @Test func aDamagedListOfRevocationsKeepsWorkersFromStarting() throws {
    try folder.write("revocations.jsonl", "garbage\n")
    let result = try Tool.run(
      [Tool.picoAuth, "serve", "--listen", "unix:\(folder.file("s.sock"))"],
      environment: ["SERVER_AUTH_STATE_DIR": folder.path])
    #expect(result.status == 1)
    #expect(result.errors.contains("store verify"))
  }
}
