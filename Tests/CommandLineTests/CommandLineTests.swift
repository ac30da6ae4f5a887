import Foundation
import TestSupport
import Testing
import Wallets

/// The real program, as a person runs it.
@Suite struct CommandLineTests {
  private let folder = TemporaryFolder()

  private func run(
    _ arguments: String..., environment: [String: String] = [:], input: String = ""
  ) throws -> CommandResult {
    try Tool.run(
      [Tool.picoAuth] + arguments,
      environment: ["SERVER_AUTH_STATE_DIR": folder.path].merging(environment) { $1 }, input: input)
  }

  @Test func checkShowsEverySettingAndItsOrigin() throws {
    let file = try folder.write(
      "c.yaml", "server_auth:\n  audience: fleet\n  fleet_mint_secret: \"0123456789-secret-0\"\n")
    let result = try run("check", "--config", file, environment: ["SERVER_AUTH_ISSUER": "https://a.example"])
    #expect(result.status == 0)
    #expect(result.output.contains(/issuer +=\ https:\/\/a\.example  \(SERVER_AUTH_ISSUER\)\n/))
    #expect(result.output.contains(/audience +=\ fleet  \(\S+c\.yaml:2\)\n/))
    #expect(result.output.contains(/fleet_mint_secret +=\ \*{8}  \(\S+c\.yaml:3\)\n/))
    #expect(result.output.contains(/challenge_ttl_seconds +=\ 60  \(default\)\n/))
    #expect(!(result.output + result.errors).contains("secret-0"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("keys")))
  }

  @Test func checkTellsEveryMistakeOnStandardError() throws {
    let file = try folder.write("c.yaml", "server_auth:\n  a: 1\n  issuer: [x]\n")
    let result = try run("check", "--config", file)
    #expect(result.status == 1)
    #expect(result.output.isEmpty)
    let lines = result.errors.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines.allSatisfy { $0.hasPrefix("pico-auth: ") })
  }

  @Test func checkLooksAtTheKeysToo() throws {
    try folder.write("keys/pico-server-auth-1.pem", "nonsense")
    let result = try run("check")
    #expect(result.status == 1)
    #expect(result.errors.contains("pico-server-auth-1.pem holds no private key"))
  }

  @Test func aMissingConfigurationFileIsAMistake() throws {
    let result = try run("check", "--config", folder.file("nowhere.yaml"))
    #expect(result.status == 1)
    #expect(result.errors.contains("nowhere.yaml"))
  }

  @Test func keysAreMadeAndListed() throws {
    #expect(try run("keys", "generate").output == "pico-server-auth-1\n")
    #expect(try run("keys", "generate", "--bits", "3072").output == "pico-server-auth-2\n")
    let list = try run("keys", "list").output
    #expect(
      list == """
        pico-server-auth-1  RSA-2048  verifies
        pico-server-auth-2  RSA-3072  signs and verifies

        """)
    #expect(try run("keys", "generate", "--bits", "1024").status == 64)
  }

  @Test func hashPasswordMakesWhatLoginTakes() throws {
    let result = try run("hash-password", input: "correct horse\n")
    #expect(result.status == 0)
    #expect(result.output.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
    let hash = result.output.trimmingCharacters(in: .newlines)
    let environment = ["SERVER_AUTH_ADMIN_PASSWORD_HASH": hash, "SERVER_AUTH_AUTO_CREATE_ADMIN": "true"]
    #expect(try run("check", environment: environment).status == 0)
    #expect(try run("hash-password", input: "").status == 1)
  }

  @Test(arguments: WalletSchemes.all.map(\.name))
  func aWalletIsMadeShownAndSignsWith(_ algorithm: String) throws {
    let file = folder.file("wallet.json")
    let made = try run("wallet", "new", "--algorithm", algorithm, file)
    #expect(made.status == 0)
    #expect(try run("wallet", "address", file).output == made.output)
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let again = try run("wallet", "new", "--algorithm", algorithm, file)
    #expect(again.status == 1)
    #expect(again.errors.contains("exists already"))

    let challenge = String(repeating: "ab", count: 32)
    let address = try #require(made.output.firstMatch(of: /address +(\S+)/)?.1)
    // As a formatter may write it.
    let answer = "\n{\n \"challenge\": \"\(challenge)\",\n \"message\": \"\(address) \(challenge)\"\n}\n"
    let piped = try run("wallet", "sign", file, "-", input: answer)
    #expect(piped.output.contains("\"challenge\":\"\(challenge)\""))
    #expect(piped.output.contains("\"algorithm\":\"\(algorithm)\""))
    let direct = try run("wallet", "sign", file, challenge)
    let signsMessages = try #require(WalletSchemes.named(algorithm)).signsMessages
    #expect(direct.status == (signsMessages ? 1 : 0))
    #expect(direct.errors.contains("has no message") == signsMessages)
    #expect(try run("wallet", "sign", file, "xyz").status == 1)
    let seed = try #require(folder.read("wallet.json").firstMatch(of: /"seed":"([0-9a-f]{64})"/)?.output.1)
    for output in [made.output, direct.output, piped.output] { #expect(!output.contains(seed)) }
  }

  @Test func everyWalletAlgorithmIsShown() throws {
    let names = WalletSchemes.all.map(\.name)
    #expect(try run("wallet", "algorithms").output == names.map { $0 + "\n" }.joined())
    let help = try run("wallet", "new", "--help").output
    let refusal = try run("wallet", "new", "--algorithm", "RSA", "x").errors
    let setting = try run("check").output
    let mistake = try run("check", environment: ["SERVER_AUTH_SUPPORTED_WALLET_ALGORITHMS": "RSA"]).errors
    let readme = try String(contentsOfFile: "\(WebServer.project)/README.md", encoding: .utf8)
    for name in names {
      for text in [help, refusal, setting, mistake, readme] { #expect(text.contains(name)) }
    }
  }

  @Test func wrongUseIsStatus64AndHelpIsNot() throws {
    #expect(try run("serve", "--listen", "nonsense").status == 64)
    #expect(try run("nonsense").status == 64)
    #expect(try run("wallet", "new", "--algorithm", "RSA", "x").status == 64)
    #expect(try run("--help").status == 0)
    #expect(try run("--version").output.contains(/^\d+\.\d+\.\d+\n$/))
  }
}
