import Foundation
import TestSupport
import Testing

/// What the documentation names exists: pages, headings, commands, options and settings.
@Suite struct DocumentationTests {
  private let folder = TemporaryFolder()

  private func run(_ arguments: [String]) throws -> String {
    try Tool.run([Tool.picoAuth] + arguments, environment: ["SERVER_AUTH_STATE_DIR": folder.path]).output
  }

  @Test func everyLinkLeadsSomewhere() throws {
    var count = 0
    for page in try DocumentationPage.all() {
      for link in page.links where !link.contains("://") {
        count += 1
        let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(
          String.init)
        let path = parts[0].isEmpty ? page.path : "\(page.folder)/\(parts[0])"
        #expect(FileManager.default.fileExists(atPath: path), "\(page.name): \(link)")
        if parts.count > 1 {
          #expect(try DocumentationPage(path).anchors.contains(parts[1]), "\(page.name): \(link)")
        }
      }
    }
    #expect(count > 50)
  }

  @Test func everyCommandAndOptionExists() throws {
    let commands = try CommandTree(help: run)
    #expect(commands.options["store verify"]?.contains("repair") == true)
    var count = 0
    for page in try DocumentationPage.all() {
      for code in page.code {
        guard let use = commands.use(in: code) else { continue }
        count += 1
        for fault in commands.faults(of: use) { Issue.record("\(page.name): \(code): \(fault)") }
      }
    }
    #expect(count > 80)
  }

  @Test func everySettingExistsAndIsDocumented() throws {
    let settings = try run(["check"]).matches(of: #/(?m)^([a-z_]+) += /#).map { String($0.1) }
    #expect(settings.count > 30)
    let readme = try DocumentationPage("\(WebServer.project)/README.md")
    for setting in settings {
      let hasRow = readme.text.contains("\n| `\(setting)` |")
      #expect(hasRow, "\(setting)")
    }
    let variables = settings.flatMap {
      ["SERVER_AUTH_\($0.uppercased())", "SERVER_AUTH_\($0.uppercased())_FILE"]
    }
    for page in try DocumentationPage.all() {
      for match in page.text.matches(of: #/SERVER_AUTH_[A-Z_]*[A-Z]/#) {
        // The text of the error about such a variable.
        if page.text[match.range.upperBound...].hasPrefix(": there is no such setting") { continue }
        #expect(variables.contains(String(match.0)), "\(page.name): \(match.0)")
      }
    }
    for match in readme.text.matches(of: #/(?s)```yaml\nserver_auth:\n(.*?)```/#) {
      for key in match.1.matches(of: #/(?m)^  ([a-z_]+):/#) {
        #expect(settings.contains(String(key.1)), "\(key.1)")
      }
    }
  }
}
