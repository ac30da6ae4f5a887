import Foundation
import TestSupport
import Testing
import Wallets

/// The programs in Examples/, and the documents that show them.
@Suite struct ExampleTests {
  @Test func aProgramWithItsOwnStoreRuns() throws {
    let folder = TemporaryFolder()
    let result = try Tool.run([Tool.beside("custom-stores"), folder.path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains(/^200 \{"challenge":"[0-9a-f]{64}","ttl":60\}\n$/))
    #expect(FileManager.default.fileExists(atPath: folder.file("keys/pico-server-auth-1.pem")))
    #expect(!FileManager.default.fileExists(atPath: folder.file("challenges.jsonl")))
  }

  @Test func theGuideShowsTheProgramAsItIs() throws {
    func read(_ path: String) throws -> String {
      try String(contentsOfFile: "\(WebServer.project)/\(path)", encoding: .utf8)
    }
    let guide = try read("docs/custom-stores.md")
    let program = try read("Examples/CustomStores/main.swift")
    #expect(guide.contains("```swift\n\(program)```"))
  }

  private static let embedded = "\(WebServer.project)/Examples/Embedded/.build/debug/embedded"

  /// The routes and the gate in a program with an HTTP server of its own. `make test` builds it.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: embedded), "Examples/Embedded isn't built"))
  func aProgramGuardsItsOwnRoutes() throws {
    let folder = TemporaryFolder()
    let port = Socket.freePort()
    let program = try Child([Self.embedded, "\(port)", folder.path], log: folder.file("log"))
    let client = HTTPClient(port: port)
    #expect(eventually(within: 30) { (try? client.get("/jwks").status) == 200 }, "\(program.output)")
    let site = HTTPClient(port: port, base: "")
    func reports(_ token: String?) throws -> HTTPAnswer {
      try site.get("/reports", fields: token.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }
    #expect(try reports(nil).status == 401)
    #expect(try reports("nonsense").status == 401)
    let wallet = try WalletKey(Secp256k1Scheme())
    let tokens = try client.signIn(wallet)
    let answer = try reports(tokens.string("access_token"))
    #expect(answer.status == 200)
    #expect(answer.text == "Reports for \(wallet.address)\n")
    #expect(try reports(tokens.string("refresh_token")).status == 401)
    #expect(
      try client.get("/verify", fields: [("Authorization", "Bearer \(tokens.string("access_token"))")]).status
        == 204)
  }
}
