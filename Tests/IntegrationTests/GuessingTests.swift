import Foundation
import TestSupport
import Testing

/// Guesses are counted for all workers together, whichever answers.
@Suite struct GuessingTests {
  private let folder = TemporaryFolder()

  private func login(_ password: String, _ backend: Backend, from address: String) throws -> HTTPAnswer {
    let client = try FastCGIClient(unix: backend.socket)
    let body = Array(#"{"email":"ops@example.org","password":"\#(password)"}"#.utf8)
    try client.sendRaw(
      client.request(
        [
          ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/api/v1/auth/login"),
          ("CONTENT_LENGTH", "\(body.count)"),
          ("REMOTE_ADDR", address),
        ], body: body))
    return try client.answer()
  }

  private func throttle(_ backend: Backend, _ arguments: String...) throws -> String {
    let result = try Tool.run([Tool.picoAuth, "throttle"] + arguments + ["--config", backend.config])
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  @Test func guessesAreSlowedOverAllWorkersAndOperatorsCanForgetThem() throws {
    let backend = try Backend(in: folder, workers: 4)
    #expect(try login("correct horse", backend, from: "192.0.2.1").status == 200)
    // 10,000 guesses from 1,000 addresses.
    let wrong = try concurrently(8) { number in
      try (0..<1250).map { try login("guess", backend, from: "10.\(number).\($0 % 125).1") }
    }.flatMap { $0 }
    #expect(wrong.allSatisfy { $0.status == 401 })
    // Whoever has signed in gets in from there again.
    #expect(try login("correct horse", backend, from: "192.0.2.1").status == 200)
    let slowed = try login("correct horse", backend, from: "198.51.100.1")
    #expect(slowed.status == 401)
    #expect(slowed.body == wrong[0].body)

    let list = try throttle(backend, "list")
    #expect(list.contains("account") && list.contains("ops@example.org") && list.contains("s to wait"))
    #expect(try throttle(backend, "list", "--json").contains(#""name":"ops@example.org""#))
    #expect(try throttle(backend, "clear", "OPS@example.org") == "1 cleared\n")
    #expect(try login("correct horse", backend, from: "198.51.100.1").status == 200)
    #expect(try throttle(backend, "clear", "203.0.113.9", "--json") == "{\"cleared\":0}\n")
    _ = try throttle(backend, "clear", "--all")
    #expect(try throttle(backend, "list").isEmpty)
    #expect(backend.child.stop(within: 10) == 0)
  }

  /// With a file that can't be used, passwords aren't checked, and what needs none goes on.
  @Test func withoutTheFileLoginsAnswer503() throws {
    let backend = try Backend(in: folder, workers: 2)
    try folder.write("state/throttle.dat", "another program's")
    for password in ["guess", "correct horse"] {
      let answer = try login(password, backend, from: "192.0.2.1")
      #expect(answer.status == 503)
      #expect(answer["retry-after"] != nil)
    }
    #expect(try FastCGIClient(unix: backend.socket).get("/jwks").status == 200)
    #expect(backend.child.output.contains("throttle.dat: another program's file; move it away"))
    try FileManager.default.removeItem(atPath: folder.file("state/throttle.dat"))
    #expect(try login("correct horse", backend, from: "192.0.2.1").status == 200)
    #expect(backend.child.stop(within: 10) == 0)
  }
}
