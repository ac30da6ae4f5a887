import Foundation
import TestSupport
import Testing
import Wire

/// Texts from files, tokens and arguments hold what would command a terminal, or show one thing as another.
@Suite struct TerminalOutputTests {
  private let folder = TemporaryFolder()
  /// Clears the screen, in two ways; ends the line; turns the direction; isn't seen.
  private static let evil = "x\u{1b}[2J\u{9b}2J\npico-auth: forged\r\u{202e}\u{200b}\u{7f}"

  private func run(
    _ arguments: String..., environment: [String: String] = [:], input: String = ""
  ) throws -> CommandResult {
    let result = try Tool.run(
      [Tool.picoAuth] + arguments,
      environment: ["SERVER_AUTH_STATE_DIR": folder.path].merging(environment) { $1 }, input: input)
    let shown = result.output + result.errors
    let invisible = shown.unicodeScalars.filter { $0 != "\n" && !VisibleText.isVisible($0) }
    #expect(invisible.isEmpty, "\(arguments): \(shown.debugDescription)")
    #expect(!shown.split(separator: "\n").contains("pico-auth: forged"), "\(arguments)")
    return result
  }

  @Test func ofRevocations() throws {
    // As another program may write it.
    var record = JSONObjectWriter()
    record.add("jti", Self.evil)
    record.add("reason", Self.evil)
    try folder.write("revocations.jsonl", String(decoding: record.finish(), as: UTF8.self) + "\n")
    #expect(
      try run("tokens", "revoked").output
        .hasPrefix(#"x\u{1b}[2J\u{9b}2J\npico-auth: forged\u{d}\u{202e}\u{200b}\u{7f}  at "#))
    #expect(try run("tokens", "revoke", Self.evil).status == 1)
    #expect(try run("tokens", "revoke", "x", "--reason", Self.evil).status == 3)
    // Whoever reads JSON gets what is in the file.
    let lines = try run("tokens", "revoked", "--json").output.split(separator: "\n")
    let object = try JSONObject(parsing: Array(try #require(lines.last).utf8))
    #expect(object["jti"]?.string.map { $0.utf8.elementsEqual(Self.evil.utf8) } == true)
  }

  @Test func ofMints() throws {
    var record = JSONObjectWriter()
    for name in ["jti", "sub", "role"] { record.add(name, Self.evil) }
    record.add("iat", 1)
    record.add("exp", 4_000_000_000)
    record.add("kind", "sign")
    try folder.write("mints.jsonl", bytes: record.finish() + [0x0a])
    chmod(folder.file("mints.jsonl"), 0o600)
    #expect(try run("tokens", "list").output.split(separator: "\n").count == 1)
    #expect(try run("tokens", "list", "--json").output.split(separator: "\n").count == 1)
  }

  @Test func ofTokens() throws {
    #expect(try run("keys", "generate").status == 0)
    var header = JSONObjectWriter()
    header.add("alg", Self.evil)
    header.add("kid", Self.evil)
    let part = String(decoding: Base64URL.encode(header.finish()), as: UTF8.self)
    for token in [Self.evil, "\(part).\(part).AA", "\(Self.evil).e30.AA"] {
      #expect(try run("explain", "-", input: token).status == 1)
      #expect(try run("explain", "-", "--json", input: token).status == 1)
      #expect(try run("explain", token).status == 1)
    }
  }

  @Test func ofSettingsAndTheirMistakes() throws {
    let good = try folder.write(
      "good.yaml", "server_auth:\n  audience: \"\\e[2J\\x9b\\u202E\\npico-auth: forged\"\n")
    let shown = try run("check", "--config", good)
    #expect(shown.status == 0)
    #expect(shown.output.contains(#"\u{1b}[2J\u{9b}\u{202e}\npico-auth: forged  ("#))
    let bad = try folder.write("bad.yaml", "server_auth:\n  \"\\e[2J\\npico-auth: forged\": 1\n  other: 2\n")
    let mistakes = try run("check", "--config", bad).errors.split(separator: "\n")
    #expect(mistakes.count == 2)
    #expect(mistakes.first?.hasSuffix(#"unknown key \u{1b}[2J\npico-auth: forged"#) == true)
    #expect(try run("check", "--config", Self.evil).status == 1)
    #expect(try run("check", environment: ["SERVER_AUTH_\(Self.evil)": "1"]).status == 1)
  }

  @Test func ofFiles() throws {
    let state = folder.file("state\u{1b}[2J\npico-auth: forged")
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    try folder.write("state\u{1b}[2J\npico-auth: forged/revocations.jsonl", "nonsense\n")
    let environment = ["SERVER_AUTH_STATE_DIR": state]
    for (command, option) in [("status", "--json"), ("verify", "--json"), ("verify", "--repair")] {
      #expect(try !run("store", command, environment: environment).output.isEmpty)
      #expect(try !run("store", command, option, environment: environment).output.isEmpty)
    }
    try folder.write("state\u{1b}[2J\npico-auth: forged/keys/a\u{1b}[2J.pem", "nonsense")
    #expect(try run("keys", "list", environment: environment).status == 1)
  }

  @Test func ofArguments() throws {
    #expect(try run("print-config", Self.evil).status == 64)
    #expect(try run("tokens", "list", "--\(Self.evil)").status == 64)
    #expect(try run(Self.evil).status == 64)
    #expect(try run("wallet", "address", Self.evil).status == 1)
    #expect(try run("serve", "--user", Self.evil).status == 1)
  }
}
