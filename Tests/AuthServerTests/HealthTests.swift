import CGI
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct HealthTests {
  @Test func aServerThatCanDoItsWorkIsReady() throws {
    let backend = try InProcess()
    #expect(try backend.send("GET", "/health").json()["status"]?.string == "ok")
    let ready = backend.send("GET", "/health/ready")
    #expect(ready.status == 200)
    let start =
      #"{"status":"ready","checked":["keys","challenges","revocations","sessions","throttles","mints","free space"],"free_bytes":"#
    #expect(ready.text.hasPrefix(start), "\(ready.text)")
    #expect(try ready.json()["free_bytes"]?.integer ?? 0 > 0)
    #expect(ready["cache-control"] == "no-store")
    // Nothing of the check stays.
    let files = try FileManager.default.contentsOfDirectory(atPath: backend.folder.path)
    #expect(!files.contains { $0.contains("probe") })
  }

  @Test func whatCannotBeWrittenIsNamed() throws {
    let backend = try InProcess { $0.mintAuditPath = "/proc/nowhere/mints.jsonl" }
    let ready = backend.send("GET", "/health/ready")
    #expect(ready.status == 503)
    #expect(ready.detail.hasPrefix("not ready: mints ("))
    #expect(ready["retry-after"] == "1")
    #expect(backend.log.messages.contains { $0.contains("not ready") && $0.contains("/proc/nowhere") })
    #expect(backend.send("GET", "/health").status == 200)
  }

  /// Without the file of failed attempts nobody can log in.
  @Test func aThrottleThatCannotCountIsNotReady() throws {
    let backend = try InProcess { $0.throttlePath = "/proc/nowhere/throttle.dat" }
    #expect(backend.send("GET", "/health/ready").detail.hasPrefix("not ready: throttles ("))
  }

  @Test func aFileOfSomebodyElsesIsNotReady() throws {
    let backend = try InProcess()
    try backend.folder.write("revocations.jsonl", "")
    #expect(chmod(backend.folder.file("revocations.jsonl"), 0o666) == 0)
    #expect(backend.send("GET", "/health/ready").detail.hasPrefix("not ready: revocations ("))
  }

  /// A store whose lock another process holds: who asks meanwhile doesn't wait, and isn't told what was true before.
  @Test func aStoreThatHangsIsNotReady() throws {
    let backend = try InProcess()
    #expect(backend.send("GET", "/health/ready").status == 200)
    let lock = open(backend.folder.file("challenges.jsonl.lock"), O_RDWR | O_CLOEXEC)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    let answers = Mutex<[Int]>([])
    let isTold = eventually(within: 4) {
      Thread.detachNewThread {
        let status = backend.send("GET", "/health/ready").status
        answers.withLock { $0.append(status) }
      }
      return answers.withLock { $0.contains(503) }
    }
    #expect(isTold)
    #expect(flock(lock, LOCK_UN) == 0)
    #expect(eventually(within: 30) { backend.send("GET", "/health/ready").status == 200 })
  }

  @Test func anAuditThatIsNotRequiredMayBeMissing() throws {
    let backend = try InProcess {
      $0.mintAuditPath = "/proc/nowhere/mints.jsonl"
      $0.mintAuditRequired = false
    }
    #expect(backend.send("GET", "/health/ready").status == 200)
  }
}

/// Who tried to get in, as the log tells it.
@Suite struct ClientAddressTests {
  private func client(
    from address: String, forwarded: String? = nil, trusting proxies: [String] = []
  ) throws -> String? {
    let backend = try InProcess { $0.trustedProxies = proxies }
    let fields = forwarded.map { [("X-Forwarded-For", $0)] } ?? []
    let answer = backend.send(
      "POST", "/login", fields: fields, body: Array(#"{"email":"a","password":"hunter2-attempt"}"#.utf8),
      from: address)
    #expect(answer.status == 401)
    let line = backend.log.messages.first { $0.contains("refused") } ?? ""
    #expect(line.contains("/login"))
    #expect(!line.contains("hunter2"))
    return line.firstMatch(of: #/"client": ([^,\]]+)/#).map { String($0.1) }
  }

  @Test func itIsThePeerOfTheWebServer() throws {
    #expect(try client(from: "192.0.2.7") == "192.0.2.7")
    #expect(try client(from: "2001:DB8::0:1") == "2001:db8::1")
    #expect(try client(from: "::ffff:192.0.2.7") == "192.0.2.7")
    #expect(try client(from: "unix:") == "unknown")
    #expect(try client(from: "evil\nline") == "unknown")
  }

  @Test func aForwardedAddressIsBelievedFromTrustedProxiesAlone() throws {
    #expect(try client(from: "192.0.2.7", forwarded: "198.51.100.1") == "192.0.2.7")
    #expect(try client(from: "192.0.2.7", forwarded: "198.51.100.1", trusting: ["10.0.0.0/8"]) == "192.0.2.7")
    #expect(
      try client(from: "10.1.2.3", forwarded: "198.51.100.1", trusting: ["10.0.0.0/8"]) == "198.51.100.1")
    #expect(
      try client(from: "10.1.2.3", forwarded: "198.51.100.1:4711", trusting: ["10.1.2.3"]) == "198.51.100.1")
    #expect(
      try client(from: "2001:db8::1", forwarded: "[2001:db9::5]:80", trusting: ["2001:db8::/32"])
        == "2001:db9::5"
    )
  }

  /// The client wrote the left part, each proxy added on the right.
  @Test func whatTheClientMadeUpIsNotBelieved() throws {
    let trusted = ["10.0.0.0/8"]
    #expect(
      try client(from: "10.0.0.1", forwarded: "1.1.1.1, 198.51.100.1", trusting: trusted) == "198.51.100.1")
    #expect(
      try client(from: "10.0.0.1", forwarded: "1.1.1.1, 198.51.100.1, 10.0.0.2", trusting: trusted)
        == "198.51.100.1")
    #expect(try client(from: "10.0.0.1", forwarded: "1.1.1.1, nonsense", trusting: trusted) == "10.0.0.1")
    #expect(try client(from: "10.0.0.1", forwarded: "10.0.0.3, 10.0.0.2", trusting: trusted) == "10.0.0.3")
  }

  /// lighttpd hands over `X.Forwarded.For` as a second variable of the same name, wherever it stands in the request.
  @Test(arguments: [["127.0.0.66", "203.0.113.9"], ["203.0.113.9", "127.0.0.66"], ["203.0.113.9", ""]])
  func ofTwoVariablesNeitherIsBelieved(_ forwarded: [String]) throws {
    let backend = try InProcess { $0.trustedProxies = ["10.0.0.0/8"] }
    func refused(from peer: String) -> String? {
      var variables = MetaVariables()
      for (name, value) in [
        ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/api/v1/auth/refresh"), ("REMOTE_ADDR", peer),
      ] + forwarded.map({ ("HTTP_X_FORWARDED_FOR", $0) }) {
        Array(name.utf8).withUnsafeBytes { name in
          Array(value.utf8).withUnsafeBytes { variables.add(name: name, value: $0) }
        }
      }
      let body = BytesBody(Array(#"{"refresh_token":"x"}"#.utf8))
      #expect(backend.server.respond(to: Request(variables: variables, body: body)).status.code == 401)
      let line = backend.log.messages.last { $0.contains("refused") } ?? ""
      return line.firstMatch(of: #/"client": ([^,\]]+)/#).map { String($0.1) }
    }
    // Not the proxy either, which fail2ban would shut out with all its clients.
    #expect(refused(from: "10.0.0.1") == "unknown")
    #expect(refused(from: "192.0.2.7") == "192.0.2.7")
  }
}
