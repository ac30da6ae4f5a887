import Foundation
import TestSupport
import Testing

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
}
