import AuthServer
import Gate

/// The parts of the documentation that are made of declarations.
enum Reference {
  /// README's table of settings.
  static var settingsTable: [String] {
    ["| key | default | meaning |", "|---|---|---|"]
      + SettingDeclarations.all.map {
        "| `\($0.name)` | \(cell($0)) | \(([$0.summary] + range($0)).joined(separator: " ")) |"
      }
  }

  /// The manual's list of settings.
  static var settingsManual: [String] {
    SettingDeclarations.all.flatMap {
      [
        ".TP", ".B \($0.name)", manual($0.summary),
        manual(
          (["Default: \(plain($0)).".replacing("Default: .", with: "Unset by default.")] + range($0))
            .joined(separator: " ")),
      ]
    }
  }

  /// `deploy/config.yaml`, the configuration of a new installation.
  static var configuration: [String] {
    var lines = [
      "# The configuration of pico-auth. `make configs` writes this file from the declarations of the settings.",
      "# `pico-auth check` prints every value, where it came from, and what is wrong. `systemctl reload pico-auth` applies a change.",
      "# The values in comments are the defaults.", "server_auth:",
    ]
    for setting in SettingDeclarations.all {
      if lines.last != "server_auth:" { lines.append("") }
      lines += wrapped(([setting.summary] + range(setting)).joined(separator: " "), width: 110)
        .map { "  # \($0)" }
      let value = setting.shippedText ?? yaml(setting)
      lines.append(
        "  \(setting.shippedText != nil ? "" : "# ")\(setting.name):\(value.isEmpty ? "" : " \(value)")")
    }
    return lines
  }

  /// README's table of routes.
  static var routesTable: [String] {
    ["| route | what it does |", "|---|---|"]
      + Endpoints.all.map { endpoint in
        let query = endpoint.query.isEmpty ? "" : "?" + endpoint.query.map { "\($0)=" }.joined(separator: "&")
        let path = "\(endpoint.isAbsolute ? "" : "{base}")\(endpoint.path)\(query)"
        let method = endpoint.method.map { "\($0.rawValue) " } ?? ""
        let text = [endpoint.summary, endpoint.access.summary].filter { !$0.isEmpty }
        return "| `\(method)\(path)` | \(text.joined(separator: " ")) |"
      }
  }

  /// The table of identity headers in docs/gate.md.
  static var identityTable: [String] {
    ["| header | authorizer's variable | value |", "|---|---|---|"]
      + IdentityHeader.all.map { "| `\($0.name)` | `\($0.variable)` | \($0.summary) |" }
  }

  // MARK: - Forms of a value

  private static func cell(_ setting: any SettingDeclaration) -> String {
    let text = setting.defaultText
    // In words, or nothing, or a value.
    if text.isEmpty || text.contains("`") || text == "none" { return text }
    let unit = setting.unit.map { " \($0.rawValue)" } ?? ""
    return setting.range != nil || ["true", "false"].contains(text) ? "\(text)\(unit)" : "`\(text)`"
  }

  private static func range(_ setting: any SettingDeclaration) -> [String] {
    setting.range.map { ["From \($0.lowerBound) to \($0.upperBound)."] } ?? []
  }

  private static func plain(_ setting: any SettingDeclaration) -> String {
    cell(setting).replacing("`", with: "")
  }

  private static func yaml(_ setting: any SettingDeclaration) -> String {
    let text = setting.defaultText
    return text.isEmpty || text == "none" || text.contains("`") ? "" : text
  }

  /// Text for troff: no line begins with a control character, and a dash is a dash.
  private static func manual(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("`", with: "").replacing("-", with: "\\-")
  }

  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      if lines[lines.count - 1].isEmpty {
        lines[lines.count - 1] += word
      } else if lines[lines.count - 1].count + 1 + word.count <= width {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
