import Wire

/// One setting as it is declared: its name, its default, what it may be, and what it means. README's table, the manual,
/// `deploy/config.yaml`, `check` and its `--help` are made of the declarations.
public struct Setting<Value: SettingValue>: SettingDeclaration {
  public let name: String
  let defaultValue: Value
  /// What a number may be.
  public let range: ClosedRange<Int>?
  public let unit: SettingUnit?
  public let isSecret: Bool
  let unset: String?
  public let isShipped: Bool
  public let summary: String
  private let effective: (@Sendable (Settings) -> String)?
  private let spelling: (@Sendable (Value) -> Value)?

  /// - Parameters:
  ///   - range: what a number may be.
  ///   - unset: the default in words, where other settings decide it.
  ///   - effective: what holds where the value is empty.
  ///   - spelling: how a value is spelled in a file, where the program holds it in another form.
  ///   - isShipped: whether the configuration of a new installation sets it, to the default, for its owner to change.
  ///   - summary: what it does, what 0 or empty means. Sentences.
  init(
    _ name: String, _ defaultValue: Value, in range: ClosedRange<Int>? = nil, unit: SettingUnit? = nil,
    isSecret: Bool = false, unset: String? = nil, effective: (@Sendable (Settings) -> String)? = nil,
    spelling: (@Sendable (Value) -> Value)? = nil, isShipped: Bool = false, _ summary: String
  ) {
    self.name = name
    self.defaultValue = defaultValue
    self.range = range
    self.unit = unit
    self.isSecret = isSecret
    self.unset = unset
    self.effective = effective
    self.spelling = spelling
    self.isShipped = isShipped
    self.summary = summary
  }

  public var defaultText: String { unset ?? defaultValue.display }

  public func display(_ settings: Settings) -> String {
    let value = settings[self]
    if value.isEmpty { return effective?(settings) ?? "(unset)" }
    return isSecret ? "********" : value.display
  }

  func set(_ text: String, in settings: inout Settings) -> String? {
    store(Value.parse(text, in: range), in: &settings)
  }

  func set(_ node: YAMLNode, in settings: inout Settings) -> String? {
    store(Value.parse(node, in: range), in: &settings)
  }

  private func store(_ value: Result<Value, SettingMistake>, in settings: inout Settings) -> String? {
    switch value {
    case .success(let value):
      settings[self] = value
      return nil
    case .failure(let mistake): return mistake.reason
    }
  }

  func write(_ settings: Settings, to object: inout JSONObjectWriter) {
    let value = settings[self]
    (spelling.map { $0(value) } ?? value).add(to: &object, name)
  }
}

/// What a number of a setting counts.
public enum SettingUnit: String, Sendable {
  case bytes, seconds, minutes, days
}

/// A setting's declaration, whatever the type of its value.
public protocol SettingDeclaration: Sendable {
  /// As in the file; in the environment in capitals behind `SERVER_AUTH_`.
  var name: String { get }
  /// What holds where nobody sets it.
  var defaultText: String { get }
  /// What a number may be.
  var range: ClosedRange<Int>? { get }
  var unit: SettingUnit? { get }
  /// Whether the value is never shown.
  var isSecret: Bool { get }
  /// Whether the configuration of a new installation sets it.
  var isShipped: Bool { get }
  /// What it does, in sentences.
  var summary: String { get }

  /// The effective value, as a person may see it: secrets masked.
  func display(_ settings: Settings) -> String
}

extension SettingDeclaration {
  /// As in the environment.
  public var variable: String { "SERVER_AUTH_" + name.uppercased() }
}

/// What reading a configuration does with a declaration.
protocol ReadableSetting: SettingDeclaration {
  /// Takes a value from the environment.
  /// - Returns: what is wrong with it, if anything.
  func set(_ text: String, in settings: inout Settings) -> String?

  /// Takes a value from a file.
  /// - Returns: what is wrong with it, if anything.
  func set(_ node: YAMLNode, in settings: inout Settings) -> String?

  /// Adds the value to an object that means the same as a section of a file: JSON is YAML.
  func write(_ settings: Settings, to object: inout JSONObjectWriter)
}

extension Setting: ReadableSetting {}
