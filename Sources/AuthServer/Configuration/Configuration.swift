import POSIX
import Wire

/// The settings and the origin of each, read from a file and the environment.
public struct Configuration: Sendable {
  /// The origin of a value.
  public enum Origin: Sendable, CustomStringConvertible {
    /// The declaration's default.
    case defaultValue
    /// A line of the YAML file. Lines count from 1.
    case file(String, line: Int)
    /// An environment variable.
    case environment(String)
    /// A secret's file, which an environment variable names.
    case secretFile(variable: String)

    public var description: String {
      switch self {
      case .defaultValue: "default"
      case .file(let path, let line): "\(path):\(line)"
      case .environment(let variable): variable
      case .secretFile(let variable): variable
      }
    }
  }

  /// The settings that were read.
  public private(set) var settings = Settings()
  /// Warnings about settings that work but should be changed.
  public private(set) var warnings: [String] = []
  private var origins: [String: Origin] = [:]
  private var mistakes: [String] = []

  /// Reads the configuration. The environment overrides the file.
  /// - Parameters:
  ///   - file: the path of the YAML file; nil for none.
  ///   - environment: the environment. Only `SERVER_AUTH_*` is read.
  /// - Throws: ``ConfigurationError`` with every mistake, not only the first.
  public init(file: String?, environment: [String: String]) throws(ConfigurationError) {
    if let file { read(file: file) }
    read(environment: environment)
    let review = SettingsReview(settings)
    warnings = review.warnings
    for mistake in review.mistakes {
      let origin = origin(of: mistake.key)
      refuse("\(origin): \(mistake.key) \(mistake.reason)")
    }
    guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
    if settings.basePath == "/" { settings.basePath = "" }
  }

  /// The origin of a setting's value.
  /// - Parameter key: the name of the setting.
  public func origin(of key: String) -> Origin { origins[key] ?? .defaultValue }

  /// The paths of the files that secrets were read from.
  public private(set) var secretFiles: [String] = []

  /// All values that were set, as a file that means the same: JSON is YAML. The supervisor gives it to its workers,
  /// so that all have the same settings even if the file or a secret's file changes. It contains secrets.
  public func document() -> [UInt8] {
    var values = JSONObjectWriter()
    for setting in SettingDeclarations.readable where origins[setting.name] != nil {
      setting.write(settings, to: &values)
    }
    var document = JSONObjectWriter()
    document.add("server_auth", json: values.finish())
    return Self.readableAsYAML(document.finish())
  }

  /// Escapes the characters that YAML reads otherwise than JSON: it refuses some, and folds others into a line break. YAML
  /// 1.1, section 5.1.
  private static func readableAsYAML(_ json: [UInt8]) -> [UInt8] {
    var text = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0x7f...0x9f, 0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return Array(text.utf8)
  }

  private mutating func refuse(_ mistake: String) { mistakes.append(mistake) }

  // MARK: - The file

  /// Sections of pico-server-auth's configuration files that other programs read.
  private static let foreignSections = ["auth_client", "fastapi"]

  private mutating func read(file: String) {
    let root: YAMLNode?
    do {
      root = try YAML.parse(try Files.read(file))
    } catch let error as YAMLError {
      return refuse("\(file):\(error.line): \(error.reason)")
    } catch let error as SystemError {
      return refuse("\(error.at(file))")
    } catch {
      return refuse("\(file): \(error)")
    }
    guard let root, !root.isNull else { return }
    guard case .mapping(let sections) = root.content else {
      return refuse("\(file):\(root.line): expected a section server_auth")
    }
    var isRead = false
    for section in sections {
      let name = section.key.text ?? ""
      if name == "server_auth" {
        guard !isRead else {
          refuse("\(file):\(section.key.line): server_auth is given twice")
          continue
        }
        isRead = true
        read(section: section.value, file: file)
      } else if !Self.foreignSections.contains(name) {
        refuse("\(file):\(section.key.line): unknown section \(name)")
      }
    }
  }

  private mutating func read(section: YAMLNode, file: String) {
    if section.isNull { return }
    guard case .mapping(let entries) = section.content else {
      return refuse("\(file):\(section.line): server_auth must be a mapping")
    }
    var lines: [String: Int] = [:]
    for entry in entries {
      let name = entry.key.text ?? ""
      let place = "\(file):\(entry.key.line)"
      guard let setting = SettingDeclarations.readable.first(where: { $0.name.hasSameBytes(as: name) }) else {
        refuse("\(place): unknown key \(name)")
        continue
      }
      if let earlier = lines.updateValue(entry.key.line, forKey: name) {
        refuse("\(place): \(name) is given on line \(earlier) already")
        continue
      }
      if entry.value.isNull { continue }
      origins[name] = .file(file, line: entry.key.line)
      if let complaint = setting.set(entry.value, in: &settings) {
        refuse("\(place): \(name) \(complaint)")
      }
    }
  }

  // MARK: - The environment

  private mutating func read(environment: [String: String]) {
    for (variable, value) in environment.sorted(by: { $0.key < $1.key })
    where variable.hasPrefix("SERVER_AUTH_") {
      if let setting = SettingDeclarations.readable.first(where: { $0.variable == variable }) {
        origins[setting.name] = .environment(variable)
        if let complaint = setting.set(value, in: &settings) { refuse("\(variable) \(complaint)") }
      } else if let setting = SettingDeclarations.readable.first(where: {
        $0.isSecret && $0.variable + "_FILE" == variable
      }) {
        if environment[setting.variable] != nil {
          refuse("\(setting.variable) and \(variable) are both set")
          continue
        }
        origins[setting.name] = .secretFile(variable: variable)
        secretFiles.append(value)
        do {
          let bytes = try Files.read(value, limit: 65536)
          let line = bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...]
          let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
          let complaint = setting.set(String(decoding: text, as: UTF8.self), in: &settings)
          if let complaint { refuse("\(variable) \(complaint)") }
        } catch let error as SystemError {
          refuse("\(variable): \(error.at(value))")
        } catch {
          refuse("\(variable): \(value): \(error)")
        }
      } else {
        refuse("\(variable): there is no such setting")
      }
    }
  }
}

/// The mistakes in a configuration.
public struct ConfigurationError: Error, CustomStringConvertible {
  /// One line for each mistake, with the place where it stands.
  public let mistakes: [String]

  public init(mistakes: [String]) { self.mistakes = mistakes }

  /// The mistakes, one on each line.
  public var description: String { mistakes.joined(separator: "\n") }
}
