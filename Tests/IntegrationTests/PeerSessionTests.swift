import Foundation
import TestSupport
import Testing

/// What programs for pico-server-auth do with refresh tokens, and pico-client-auth with revocations.
@Suite(.serialized, .enabled(if: Tool.python != nil, "PICO_AUTH_PYTHON names no Python with the peers"))
struct PeerSessionTests {
  private let folder = TemporaryFolder()

  private func run(_ script: String, _ arguments: (Backend) -> [String]) throws {
    let backend = try Backend(in: folder, workers: 2)
    let nginx = try WebServer.nginx([backend.socket])
    let result = try Tool.run(
      [
        try #require(Tool.python), "\(WebServer.project)/Tests/Peers/\(script)",
        "http://127.0.0.1:\(nginx.client.port)/api/v1/auth", "http://localhost:8100",
      ] + arguments(backend))
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func refreshTokensAreAsThePeersProgramsExpectThem() throws {
    try run("refresh.py") { ["\($0.state)/keys/pico-server-auth-1.pem"] }
  }

  @Test(arguments: ["jti", "sub"])
  func whatIsRevokedIsRefusedAtTheNextPoll(_ way: String) throws {
    try run("revocation.py") { _ in [way] }
  }
}
