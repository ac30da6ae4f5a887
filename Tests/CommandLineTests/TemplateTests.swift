import AuthServer
import CGI
import DeploymentTemplates
import Foundation
import Gate
import Supervision
import TestSupport
import Testing

@testable import pico_auth

/// The syntax of templates, and every template that there is.
@Suite struct TemplateTests {
  private let values = TemplateValues(
    texts: ["name": "outer", "path": "/a"], lists: ["field": [["name": "A"], ["name": "B"]], "none": []])

  @Test(arguments: [
    ("", ""), ("no tags }} \\x5c {1,2}\n", "no tags }} \\x5c {1,2}\n"),
    ("{{path}}/{{path}}", "/a//a"), ("%{reqenv:{{name}}}", "%{reqenv:outer}"),
    // Within a line, and as lines.
    ("key \"{{for field}}\\n${{name}}{{end}}\";\n", "key \"\\n$A\\n$B\";\n"),
    (
      "a\n  {{for field}}\n  set {{name}} {{path}};\n  {{end}}\nb {{name}}\n",
      "a\n  set A /a;\n  set B /a;\nb outer\n"
    ),
    ("{{for field}}\n{{for field}}{{name}}{{end}}\n{{end}}\n", "AB\nAB\n"),
    ("a\n{{for none}}\nx\n{{end}}\nb", "a\nb"),
    ("{{include part}}\nb\n", "1 /a\n2\nb\n"), ("# x {{include part}}\nb\n", "# x 1 /a\n2\nb\n"),
    ("{{for field}}\n{{include item}}\n{{end}}\n", "<A>\n<B>\n"),
  ])
  func tagsAreFilledIn(_ text: String, _ expected: String) throws {
    let parts = ["part": "1 {{path}}\n2\n", "item": "<{{name}}>\n"]
    #expect(try Template("t", text, parts: parts).filled(with: values) == expected)
  }

  /// A base path is the user's, and its braces are none of ours.
  @Test func valuesAreTakenAsTheyAre() throws {
    let values = TemplateValues(texts: ["path": "{{name}}", "name": "x"])
    #expect(try Template("t", "{{path}}\n").filled(with: values) == "{{name}}\n")
  }

  @Test(arguments: [
    ("a\n{{pth}}\n", "t:2: no value pth"), ("{{for fields}}{{end}}", "t:1: no list fields"),
    ("{{for field}}\n{{role}}\n{{end}}\n", "t:2: no value role"),
    ("\n{{for field}}\nx\n", "t:2: {{for …}} without {{end}}"),
    ("{{end}}", "t:1: {{end}} without {{for …}}"), ("x\n\n{{path", "t:3: {{ without }}"),
    ("{{for field}}{{name}}", "t:1: {{for …}} without {{end}}"),
    ("{{ path }}", "t:1: unknown tag {{ path }}"),
    ("{{Path}}", "t:1: Path is no name: lower-case letters and underscores"),
    ("{{if path}}", "t:1: unknown tag {{if path}}"),
    ("{{}}", "t:1:  is no name: lower-case letters and underscores"),
    ("{{include nowhere}}", "t:1: no part nowhere"), ("{{include self}}", "self:2: self includes itself"),
    ("{{include bad}}", "bad:1: no value pth"),
    ("{{include open}}{{end}}", "open:1: {{for …}} without {{end}}"),
  ])
  func whatIsWrongIsToldWithItsLine(_ text: String, _ expected: String) {
    let parts = ["self": "a\n{{include self}}\n", "bad": "{{pth}}", "open": "{{for field}}"]
    let error = #expect(throws: TemplateError.self) {
      try Template("t", text, parts: parts).filled(with: values)
    }
    #expect(error?.description == expected)
  }

  // MARK: - Every template

  private static let folder = "\(WebServer.project)/deploy/templates"

  private static let deployment = DeploymentValues(
    basePath: "/b", wellKnownPaths: WellKnownPaths(issuer: "https://h/i"), stateFolder: "/s",
    configFile: "/c", program: "/p",
    listen: ListenAddress("127.0.0.1:9000")!,
    workers: 3, threads: 5)

  /// A folder needs its entry in `DeploymentTarget.all`, and an entry its folder.
  @Test func foldersAreTargetsAndTargetsFolders() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    #expect(folders.sorted() == DeploymentTarget.all.map(\.name).sorted())
    #expect(Set(DeploymentTarget.ownValues.keys).isSubset(of: folders))
  }

  @Test(arguments: DeploymentTarget.all.map(\.name))
  func filesAreTemplatesAndTemplatesFiles(_ name: String) throws {
    let target = try #require(DeploymentTarget.named(name))
    let files = try FileManager.default.subpathsOfDirectory(atPath: "\(Self.folder)/\(name)")
      .filter { $0.contains(".") }
    #expect(
      files.sorted() == (target.templates.map(\.name) + target.parts.keys.map { "parts/\($0)" }).sorted())
    for file in target.templates {
      let text = try text("\(name)/\(file.name)")
      #expect(file.text == text)
    }
    for part in target.parts.values {
      let text = try text("\(name)/parts/\(part.name)")
      #expect(part.text == text)
    }
    // What is printed is named after what is left of the name.
    #expect(files.allSatisfy { $0.hasPrefix(name) || $0.hasPrefix("parts/\(name)") })
  }

  private func text(_ path: String) throws -> String {
    try String(contentsOfFile: "\(Self.folder)/\(path)", encoding: .utf8)
  }

  @Test(arguments: DeploymentTarget.all.map(\.name))
  func everyTemplateHasItsValuesAndEveryValueAndPartItsTemplate(_ name: String) throws {
    let target = try #require(DeploymentTarget.named(name))
    let parts = target.parts.mapValues(\.text)
    let used = try target.templates.reduce(into: Set<String>()) {
      $0.formUnion(try Template($1.name, $1.text, parts: parts).names)
    }
    let own = DeploymentTarget.ownValues[name]?(Self.deployment) ?? TemplateValues()
    #expect(Set(own.texts.keys).union(own.lists.keys).subtracting(used).isEmpty)
    let all = (target.templates + target.parts.values).map(\.text).joined()
    for part in parts.keys { #expect(all.contains("{{include \(part)}}"), "\(part)") }
    for file in try target.files(Self.deployment) {
      #expect(!file.text.contains("{{"), "\(file.name)")
    }
  }

  /// A line that is there for two identity headers is there for every one. What a list that is written by hand lacks, a
  /// client could claim.
  @Test(arguments: DeploymentTarget.all.map(\.name))
  func everyListOfIdentityHeadersIsWhole(_ name: String) throws {
    let target = try #require(DeploymentTarget.named(name))
    for file in try target.files(Self.deployment) {
      var headers: [String: Set<String>] = [:]
      for line in file.text.split(separator: "\n") where !line.hasPrefix("#") {
        for header in IdentityHeader.all {
          // The last entry of a list has no comma.
          let line = line.hasSuffix(",") ? line.dropLast() : line
          let form = Self.form(of: line, header.name)
          if form != line { headers[form, default: []].insert(header.name) }
        }
      }
      for (form, names) in headers where names.count > 1 {
        let missing = IdentityHeader.all.map(\.name).filter { !names.contains($0) }
        #expect(missing.isEmpty, "\(file.name): \(form)")
      }
    }
  }

  /// The line with a mark for each spelling of a header's name.
  private static func form(of line: Substring, _ name: String) -> String {
    let underscored = name.replacing("-", with: "_")
    return [name, underscored, underscored.uppercased(), underscored.lowercased()].enumerated()
      .reduce(String(line)) { $0.replacing($1.element, with: "<\($1.offset)>") }
  }

  /// nginx asks with every input of the gate, and the key of its cache has each.
  @Test(arguments: RequestInput.allCases.filter { $0.gateUse != .none })
  func nginxTellsTheGateAndTheCacheOfEveryInput(_ input: RequestInput) throws {
    let target = try #require(DeploymentTarget.named("nginx"))
    let files = try target.files(Self.deployment).filter {
      $0.text.contains("location = /_pico_auth_verify {")
    }
    #expect(files.contains { $0.text.contains("fastcgi_cache_key ") })
    for file in files {
      let parameter = file.text.firstMatch(of: try Regex("fastcgi_param \(input.variable) ([$][a-z_]+)[; ]"))
      let variable = try #require(parameter?.output[1].substring, "\(file.name)")
      for key in file.text.matches(of: /(?m)^ *fastcgi_cache_key "(.*)";$/) {
        #expect(key.1.contains("\(variable)\\n"), "\(file.name)")
      }
    }
  }

  @Test func everyCommonValueIsUsed() throws {
    let used = try DeploymentTarget.all.reduce(into: Set<String>()) { used, target in
      for file in target.templates {
        used.formUnion(try Template(file.name, file.text, parts: target.parts.mapValues(\.text)).names)
      }
    }
    let common = Self.deployment.common
    let fields = common.lists.values.flatMap { $0 }.flatMap(\.keys)
    #expect(Set(common.texts.keys).union(common.lists.keys).union(fields).subtracting(used).isEmpty)
  }
}
