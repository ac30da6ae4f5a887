import Wire

/// The declaration of a setting: its name, default, range and meaning. README's table, the manual,
/// `deploy/config.yaml`, `check` and its `--help` are made from the declarations.
public struct Setting<Value: SettingValue>: SettingDeclaration {
  public let name: String
  let defaultValue: Value
  /// The values that a number may have; nil for any.
  public let range: ClosedRange<Int>?
  public let unit: SettingUnit?
  public let isSecret: Bool
  let unset: String?
  public let shippedText: String?
  public let summary: String
  private let effective: (@Sendable (Settings) -> String)?
  private let spelling: (@Sendable (Value) -> Value)?

  /// - Parameters:
  ///   - name: the name in the file.
  ///   - defaultValue: the value of a setting that isn't set.
  ///   - range: the values that a number may have.
  ///   - unit: what a number counts.
  ///   - isSecret: whether the value is never shown, and may come from a file that `<variable>_FILE` names.
  ///   - unset: the default in words, if other settings decide it.
  ///   - effective: what holds if the value is empty, for display.
  ///   - spelling: how a file spells a value, if the program holds it in another form.
  ///   - shipped: the value in the configuration of a new installation, so that its owner sees it; nil if that
  ///     configuration doesn't set it.
  ///   - summary: what the setting does, and what 0 or an empty value means. Sentences.
  init(
    _ name: String, _ defaultValue: Value, in range: ClosedRange<Int>? = nil, unit: SettingUnit? = nil,
    isSecret: Bool = false, unset: String? = nil, effective: (@Sendable (Settings) -> String)? = nil,
    spelling: (@Sendable (Value) -> Value)? = nil, shipped: Value? = nil, _ summary: String
  ) {
    self.name = name
    self.defaultValue = defaultValue
    self.range = range
    self.unit = unit
    self.isSecret = isSecret
    self.unset = unset
    self.effective = effective
    self.spelling = spelling
    shippedText = shipped?.display
    self.summary = summary
    SettingRegister.add(self)
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

/// What a setting's number counts.
public enum SettingUnit: String, Sendable {
  case bytes, seconds, minutes, days
}

/// The declaration of a setting with a value of any type.
public protocol SettingDeclaration: Sendable {
  /// The name in the file. The environment has it in capitals, after `SERVER_AUTH_`.
  var name: String { get }
  /// The default in words.
  var defaultText: String { get }
  /// The values that a number may have; nil for any.
  var range: ClosedRange<Int>? { get }
  var unit: SettingUnit? { get }
  /// Whether the value is a secret, which is never shown.
  var isSecret: Bool { get }
  /// The value in the configuration of a new installation; nil if that doesn't set it.
  var shippedText: String? { get }
  /// What the setting does, in sentences.
  var summary: String { get }

  /// The effective value as people may see it: a secret is masked.
  func display(_ settings: Settings) -> String
}

extension SettingDeclaration {
  /// The name of the environment variable.
  public var variable: String { "SERVER_AUTH_" + name.uppercased() }
}

/// The operations on a declaration that read and write a configuration.
protocol ReadableSetting: SettingDeclaration {
  /// Sets a value from the environment.
  /// - Returns: the mistake, as the end of a sentence about it; nil if there is none.
  func set(_ text: String, in settings: inout Settings) -> String?

  /// Sets a value from a file.
  /// - Returns: the mistake, as the end of a sentence about it; nil if there is none.
  func set(_ node: YAMLNode, in settings: inout Settings) -> String?

  /// Adds the value to an object that means the same as the file's section: JSON is YAML.
  func write(_ settings: Settings, to object: inout JSONObjectWriter)
}

extension Setting: ReadableSetting {}
