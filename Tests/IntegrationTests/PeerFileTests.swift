import Foundation
import TestSupport
import Testing

/// The peer's files here, and ours there.
@Suite(.enabled(if: Tool.python != nil, "PICO_AUTH_PYTHON names no Python with the peers"))
struct PeerFileTests {
  private let folder = TemporaryFolder()

  @Test func filesLoadBothWaysEntryForEntry() throws {
    let python = try #require(Tool.python)
    let script = "\(WebServer.project)/Tests/Peers/files.py"
    let state = folder.file("state")
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    let written = try Tool.run([python, script, "write", state])
    try #require(written.status == 0, "\(written.errors)")
    chmod("\(state)/revocations.jsonl", 0o600)
    chmod("\(state)/mints.jsonl", 0o600)

    let backend = try Backend(in: folder)
    let client = try FastCGIClient(unix: backend.socket, keepsConnection: true)
    let operatorToken = try client.session("op", role: "operator")
    #expect(try client.revoke("ours\"\u{e9}\"", bearer: operatorToken).status == 200)
    for (path, name) in [("/revoked-jtis", "revoked.json"), ("/mints?limit=5000", "mints.json")] {
      let answer = try client.call("GET", path, bearer: operatorToken)
      #expect(answer.status == 200)
      try folder.write("state/\(name)", answer.text)
    }
    let compared = try Tool.run([python, script, "compare", state])
    #expect(compared.status == 0, "\(compared.errors)")
    #expect(compared.output == "53 revocations, 101 mints\n")
  }
}
