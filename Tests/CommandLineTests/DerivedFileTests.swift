import Foundation
import TestSupport
import Testing

/// What is made of declarations says the same as they do. `make configs` writes it again.
///
/// One at a time: two of the tables are in one file, and an update of one must not undo that of the other.
@Suite(.serialized) struct DerivedFileTests {
  /// A part of a file between two lines of its own.
  private struct Region {
    let path: String
    let begin: String
    let end: String
    let lines: [String]
  }

  private static let regions = [
    Region(
      path: "README.md", begin: "<!-- settings: made by `make configs` -->", end: "<!-- end -->",
      lines: Reference.settingsTable),
    Region(
      path: "README.md", begin: "<!-- routes: made by `make configs` -->", end: "<!-- end -->",
      lines: Reference.routesTable),
    Region(
      path: "docs/gate.md", begin: "<!-- identity headers: made by `make configs` -->", end: "<!-- end -->",
      lines: Reference.identityTable),
    Region(
      path: "deploy/man/pico-auth.8", begin: #".\" settings: made by `make configs`"#, end: #".\" end"#,
      lines: Reference.settingsManual),
  ]

  private static let isUpdating = ProcessInfo.processInfo.environment["PICO_AUTH_UPDATE"] != nil

  private static func file(_ path: String) -> String { "\(WebServer.project)/\(path)" }

  private static func check(_ path: String, _ expected: (String) throws -> String) throws {
    let text = try String(contentsOfFile: file(path), encoding: .utf8)
    let made = try expected(text)
    if isUpdating { try made.write(toFile: file(path), atomically: true, encoding: .utf8) }
    #expect(isUpdating || text == made, "\(path) is out of date: make configs")
  }

  @Test(arguments: 0..<4)
  func aTableSaysWhatIsDeclared(_ number: Int) throws {
    let region = Self.regions[number]
    try Self.check(region.path) { text in
      var lines = text.components(separatedBy: "\n")
      let begin = try #require(lines.firstIndex(of: region.begin), "\(region.path): \(region.begin)")
      let end = try #require(lines[begin...].firstIndex(of: region.end))
      lines.replaceSubrange((begin + 1)..<end, with: region.lines)
      return lines.joined(separator: "\n")
    }
  }

  @Test func theConfigurationOfANewInstallationIsThatOfTheDeclarations() throws {
    try Self.check("deploy/config.yaml") { _ in Reference.configuration.joined(separator: "\n") + "\n" }
  }

  /// Every line of it can be switched on by taking the comment away.
  @Test func whatIsInCommentsIsValid() throws {
    let folder = TemporaryFolder()
    let text = try String(contentsOfFile: Self.file("deploy/config.yaml"), encoding: .utf8)
    let config = try folder.write(
      "config.yaml", text.replacing(#/(?m)^  # ([a-z_]+:.*)$/#) { "  \($0.1)" })
    let result = try Tool.run([Tool.picoAuth, "check", "--config", config])
    #expect(!result.errors.contains("config.yaml:"), "\(result.errors)")
    #expect(result.output.contains("(\(config):"))
  }
}
