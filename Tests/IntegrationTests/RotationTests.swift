import Foundation
import POSIX
import TestSupport
import Testing
import Tokens
import Wallets

/// Refresh tokens that many clients present at once, and processes that are killed in between.
@Suite(.serialized) struct RotationTests {
  private let folder = TemporaryFolder()

  /// `PICO_AUTH_ROUNDS` makes them more.
  private static let rounds =
    ProcessInfo.processInfo.environment["PICO_AUTH_ROUNDS"].flatMap { Int($0) } ?? 25

  @Test func thirtyTwoAtOnceGetOnePair() throws {
    let backend = try Backend(in: folder, workers: 4, threads: 8)
    let socket = backend.socket
    let wallet = try WalletKey(Ed25519Scheme())
    var token = try FastCGIClient(unix: socket, keepsConnection: true).signIn(wallet).string("refresh_token")
    for round in 0..<Self.rounds {
      let presented = token
      let answers = try concurrently(32) { _ in try FastCGIClient(unix: socket).refresh(presented) }
      #expect(answers.allSatisfy { $0.status == 200 }, "\(round): \(answers.map(\.status))")
      #expect(Set(answers.map(\.text)).count == 1, "\(round)")
      token = answers[0].string("refresh_token")
    }
    let operatorToken = try FastCGIClient(unix: socket).login().string("access_token")
    let mints = try FastCGIClient(unix: socket).send(
      "GET", "/mints?sub=\(wallet.address)&limit=5000", as: .bearer(operatorToken))
    #expect(try mints.json()["items"]?.array?.count == 2 * (Self.rounds + 1))
  }

  /// The same for a refresh token without a session, which no worker may take over twice.
  @Test func thirtyTwoAtOnceGetOneSession() throws {
    let backend = try Backend(in: folder, workers: 4, threads: 8)
    let socket = backend.socket
    for _ in 0..<10 {
      let token = try foreignRefreshToken(backend.state)
      let answers = try concurrently(32) { _ in try FastCGIClient(unix: socket).refresh(token) }
      #expect(answers.allSatisfy { $0.status == 200 }, "\(answers.map(\.text))")
      #expect(Set(answers.map(\.text)).count == 1)
    }
  }

  /// A refresh token of another program with the same keys.
  private func foreignRefreshToken(_ state: String) throws -> String {
    let issuer = TokenIssuer(
      ring: try KeyFiles(path: state + "/keys", passphrase: nil).ring(), issuer: "http://localhost:8100",
      audience: "pico", clock: .system)
    let now = Clock.system.seconds
    return try issuer.draft(
      subject: "someone", role: "user", tokenID: TokenIssuer.newTokenID(), issuedAt: now, expiry: now + 600,
      isRefresh: true
    ).sign()
  }

  /// What a killed script leaves at each of its system calls: the client's retry gets a pair, and there is no other that
  /// anybody was given.
  @Test(
    .enabled(if: FaultInjection.isPossible, "strace is needed"),
    arguments: ["pwrite64", "write", "fdatasync", "fsync", "flock", "openat"])
  func whoIsKilledInBetweenLeavesOnePair(_ call: String) throws {
    let script = try Script(in: folder)
    let wallet = try WalletKey(Ed25519Scheme())
    for step in 1...200 {
      let token = try script.signIn(wallet).string("refresh_token")
      let killed = script.killed(at: call, step)
      // The script met so many of these calls, and answered.
      if try killed.refresh(token).status == 200 { return #expect(step > 1, "no \(call) at all") }
      let retried = try script.refresh(token)
      #expect(retried.status == 200, "\(call) \(step): \(retried.text)")
      #expect(try script.refresh(token).text == retried.text, "\(call) \(step)")
      let next = try script.refresh(retried.string("refresh_token"))
      #expect(next.status == 200, "\(call) \(step): \(next.text)")
    }
    Issue.record("the script makes more than 200 calls of \(call)")
  }
}

/// The program as a CGI script, a process a request.
struct Script: AuthBackend {
  private let config: String
  private let tracer: [String]

  init(in folder: TemporaryFolder) throws {
    config = try folder.write(
      "script.yaml", "server_auth:\n  state_dir: \(folder.file("state"))\n\(Backend.settings)\n")
    tracer = []
  }

  private init(config: String, tracer: [String]) {
    self.config = config
    self.tracer = tracer
  }

  /// The same script, killed at a system call.
  func killed(at call: String, _ number: Int) -> Script {
    Script(
      config: config,
      tracer: [
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
        "inject=\(call):signal=KILL:when=\(number)",
      ])
  }

  /// - Returns: the answer; one with status 0 if the script didn't answer.
  func send(
    _ method: String, _ path: String, fields: [(String, String)], body: [UInt8]?
  ) throws -> HTTPAnswer {
    var environment = [
      "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "SCRIPT_NAME": "/api/v1/auth\(path)",
      "CONTENT_LENGTH": "\(body?.count ?? 0)", "REMOTE_ADDR": "127.0.0.1", "PICO_AUTH_CONFIG": config,
    ]
    for (name, value) in fields {
      let variable = name.uppercased().replacing("-", with: "_")
      environment[variable == "CONTENT_TYPE" ? variable : "HTTP_" + variable] = value
    }
    let result = try Tool.run(
      tracer + [Tool.picoAuth], environment: environment, input: String(decoding: body ?? [], as: UTF8.self))
    let parts = result.output.components(separatedBy: "\r\n\r\n")
    let status = parts[0].firstMatch(of: /Status: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
    return HTTPAnswer(status: status, fields: [], body: Array(parts.dropFirst().joined().utf8))
  }
}
