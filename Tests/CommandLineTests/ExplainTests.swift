import Foundation
import TestSupport
import Testing

/// `pico-auth explain`: what the gate makes of a token.
@Suite(.serialized) struct ExplainTests {
  private let folder = TemporaryFolder()
  private let backend: Backend

  init() throws { backend = try Backend(in: folder) }

  private func token(_ role: String) throws -> String {
    try FastCGIClient(unix: backend.socket).send(
      "POST", "/fleet/sessions", fields: [("X-Fleet-Secret", "0123456789-fleet-secret")],
      body: Array(#"{"session_id":"s","agent_id":"a","role":"\#(role)","scope":"x:y"}"#.utf8)
    ).string("session_token")
  }

  private func explain(_ token: String, _ options: [String] = []) throws -> CommandResult {
    try Tool.run(
      [Tool.picoAuth, "explain", "-", "--config", backend.config] + options, input: token + "\n")
  }

  /// The steps that failed.
  private func failures(_ result: CommandResult) -> [String] {
    result.output.split(separator: "\n").filter { $0.hasPrefix("FAIL") }
      .map { String($0.dropFirst(6).prefix(11)).trimmingCharacters(in: .whitespaces) }
  }

  @Test func aGoodTokenPassesEveryStep() throws {
    let token = try token("builder")
    for text in [token, "Bearer \(token)"] {
      let result = try explain(text, ["--role", "builder", "--scope", "x:y"])
      #expect(result.status == 0, "\(result.output)")
      #expect(failures(result).isEmpty)
      for step in ["signature", "issuer", "audience", "times", "revocation", "role"] {
        #expect(result.output.contains("ok    \(step)"), "\(step)")
      }
      #expect(result.output.contains("passes: 204"))
      // The token itself isn't repeated.
      #expect(!result.output.contains(token))
    }
  }

  @Test func withoutAKeyThePathIsNamed() throws {
    let result = try Tool.run(
      [Tool.picoAuth, "explain", "x"], environment: ["SERVER_AUTH_STATE_DIR": folder.file("none")])
    #expect(result.status == 1)
    #expect(
      result.errors.contains(
        "\(folder.file("none/keys")): no signing key; run pico-auth keys generate, or check state_dir"),
      "\(result.errors)")
  }

  @Test func whatFailsIsNamedAndTheRestIsStillLookedAt() throws {
    let token = try token("builder")
    let lacking = try explain(token, ["--role", "operator", "--scope", "x"])
    #expect(lacking.status == 1)
    #expect(failures(lacking) == ["role", "scopes"])
    #expect(lacking.output.contains("refused: 403 Requires one of roles: ['operator']"))

    let parts = token.split(separator: ".")
    let forged = try explain("\(parts[0]).\(parts[1]).\(String(parts[2].reversed()))")
    #expect(failures(forged) == ["signature"])
    #expect(forged.output.contains("refused: 401"))

    let jti = try claims(of: token)["jti"]?.string ?? ""
    let revoke = try Tool.run([Tool.picoAuth, "tokens", "revoke", jti, "--config", backend.config])
    #expect(revoke.status == 0)
    #expect(failures(try explain(token)) == ["revocation"])
    #expect(failures(try explain("nonsense")) == ["form"])
    #expect(failures(try explain("")) == ["form"])
    #expect(failures(try explain("a.b.c")) == ["header", "claims"])
  }

  @Test func itPrintsJSON() throws {
    let result = try explain(try token("builder"), ["--json", "--role", "operator"])
    let lines = try result.output.split(separator: "\n").map {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    #expect(lines.contains { $0?["check"] as? String == "role" && $0?["passes"] as? Bool == false })
    #expect(lines.last??["status"] as? Int == 403)
  }
}
