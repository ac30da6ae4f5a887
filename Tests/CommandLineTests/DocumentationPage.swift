import Foundation
import TestSupport

/// A page of the documentation.
struct DocumentationPage {
  let path: String
  let text: String
  /// The code blocks, each line by itself, continued lines joined; and the code spans.
  private(set) var code: [String] = []
  private(set) var links: [String] = []
  /// The headings, as GitHub spells their anchors.
  private(set) var anchors: [String] = []

  static func all() throws -> [DocumentationPage] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(WebServer.project)/docs")
    let pages =
      ["README.md", "CONTRIBUTING.md"] + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    return try pages.map { try DocumentationPage("\(WebServer.project)/\($0)") }
  }

  init(_ path: String) throws {
    self.path = path
    text = try String(contentsOfFile: path, encoding: .utf8)
    // Code is between fences; elsewhere it is between backticks.
    for (index, part) in text.components(separatedBy: "\n```").enumerated() {
      if index % 2 == 1 {
        code += part.replacing(#/\\\n */#, with: "").split(separator: "\n").dropFirst().map(String.init)
      } else {
        code += part.matches(of: #/`([^`]+)`/#).map { String($0.1).replacing("\n", with: " ") }
        links += part.matches(of: #/\]\(([^)]+)\)/#).map { String($0.1) }
        anchors += part.matches(of: #/(?m)^#+ (.+)$/#).map { Self.anchor(String($0.1)) }
      }
    }
  }

  var name: String { path.replacing("\(WebServer.project)/", with: "") }
  var folder: String { String(path[..<path.lastIndex(of: "/")!]) }

  private static func anchor(_ heading: String) -> String {
    heading.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }.replacing(" ", with: "-")
  }
}
