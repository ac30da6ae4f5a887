import Foundation
import TestSupport
import Testing

/// Chromium before a guarded site over TLS: what browsers do with cookies and origins, no client of ours can tell.
@Suite(.serialized, .enabled(if: Tool.python != nil, "PICO_AUTH_PYTHON names no Python with the peers"))
struct BrowserTests {
  private let folder = TemporaryFolder()
  private let port = Socket.freePort()

  /// nginx with TLS under every name below `example.test` and `other.test`.
  private func start(environment: [String: String] = [:]) throws -> GuardedSite {
    let made = try Tool.run([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-days",
      "2", "-subj", "/CN=example.test", "-addext", "subjectAltName=DNS:*.example.test,DNS:*.other.test",
      "-keyout", folder.file("key.pem"), "-out", certificate,
    ])
    try #require(made.status == 0, "\(made.errors)")
    return try GuardedSite.start(
      .nginx, environment: environment,
      extra: """
        listen 127.0.0.1:\(port) ssl;
        ssl_certificate \(certificate);
        ssl_certificate_key \(folder.file("key.pem"));
        """)
  }

  private var certificate: String { folder.file("certificate.pem") }

  private func browse(_ script: String, _ arguments: [String]) throws {
    let result = try Tool.run(
      [try #require(Tool.python), "\(WebServer.project)/Tests/Peers/\(script)"] + arguments + [certificate])
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func aPageWithoutASessionGetsNothing() throws {
    let guarded = try start()
    try withExtendedLifetime(guarded) {
      try browse("browse.py", sites)
    }
  }

  private var sites: [String] { ["https://app.example.test:\(port)", "https://evil.other.test:\(port)"] }

  @Test func aSessionLastsUntilTheUserLogsOutOrIsIdle() throws {
    let clock = try MovedClock()
    let guarded = try start(environment: clock.environment)
    try withExtendedLifetime(guarded) {
      try browse("browse_session.py", sites + [clock.file])
    }
  }
}
