import Wire

/// A mistake in a value.
public struct SettingMistake: Error {
  /// The end of a sentence that begins with the setting's name, such as `must be text`.
  let reason: String
}

/// The type of a setting's value: a text, a switch, a whole number or a list of texts.
public protocol SettingValue: Sendable {
  /// Whether the value is empty, so that the setting counts as unset. Switches and numbers never are.
  var isEmpty: Bool { get }
  /// The value as people read it.
  var display: String { get }

  /// Reads a value from the environment.
  /// - Parameters:
  ///   - text: the value of the variable. A list has commas between its entries.
  ///   - range: the values that a number may have; nil for any.
  static func parse(_ text: String, in range: ClosedRange<Int>?) -> Result<Self, SettingMistake>

  /// Reads a value from a file.
  /// - Parameters:
  ///   - node: the value's node.
  ///   - range: the values that a number may have; nil for any.
  static func parse(_ node: YAMLNode, in range: ClosedRange<Int>?) -> Result<Self, SettingMistake>

  func add(to object: inout JSONObjectWriter, _ name: String)
}

extension String: SettingValue {
  public var display: String { self }

  public static func parse(_ text: String, in _: ClosedRange<Int>?) -> Result<String, SettingMistake> {
    .success(text)
  }

  public static func parse(_ node: YAMLNode, in _: ClosedRange<Int>?) -> Result<String, SettingMistake> {
    switch node.content {
    case .quoted(let text): .success(text)
    case .plain(let text) where looksTyped(text):
      .failure(SettingMistake(reason: "must be text: put it in quotes"))
    case .plain(let text): .success(text)
    default: .failure(SettingMistake(reason: "must be text"))
    }
  }

  /// Whether YAML reads an unquoted scalar as something other than text.
  private static func looksTyped(_ text: String) -> Bool {
    ["true", "false"].contains(text.lowercased()) || Double(text) != nil
  }

  public func add(to object: inout JSONObjectWriter, _ name: String) { object.add(name, self) }
}

extension Bool: SettingValue {
  public var isEmpty: Bool { false }
  public var display: String { "\(self)" }

  public static func parse(_ text: String, in _: ClosedRange<Int>?) -> Result<Bool, SettingMistake> {
    switch text.lowercased() {
    case "true": .success(true)
    case "false": .success(false)
    default: .failure(SettingMistake(reason: "must be true or false"))
    }
  }

  public static func parse(_ node: YAMLNode, in range: ClosedRange<Int>?) -> Result<Bool, SettingMistake> {
    guard case .plain(let text) = node.content else {
      return .failure(SettingMistake(reason: "must be true or false"))
    }
    return parse(text, in: range)
  }

  public func add(to object: inout JSONObjectWriter, _ name: String) { object.add(name, self) }
}

extension Int: SettingValue {
  public var isEmpty: Bool { false }
  public var display: String { "\(self)" }

  public static func parse(_ text: String, in range: ClosedRange<Int>?) -> Result<Int, SettingMistake> {
    guard let value = Int(text) else { return .failure(SettingMistake(reason: "must be a whole number")) }
    if let range, !range.contains(value) {
      return .failure(SettingMistake(reason: "must be from \(range.lowerBound) to \(range.upperBound)"))
    }
    return .success(value)
  }

  public static func parse(_ node: YAMLNode, in range: ClosedRange<Int>?) -> Result<Int, SettingMistake> {
    guard case .plain(let text) = node.content else {
      return .failure(SettingMistake(reason: "must be a whole number"))
    }
    return parse(text, in: range)
  }

  public func add(to object: inout JSONObjectWriter, _ name: String) { object.add(name, self) }
}

extension [String]: SettingValue {
  public var display: String { "[\(joined(separator: ", "))]" }

  public static func parse(_ text: String, in _: ClosedRange<Int>?) -> Result<[String], SettingMistake> {
    let values = text.split(separator: ",").map { $0.trimmingSpaces() }
    return values.isEmpty ? .failure(SettingMistake(reason: "must not be an empty list")) : .success(values)
  }

  public static func parse(_ node: YAMLNode, in _: ClosedRange<Int>?) -> Result<[String], SettingMistake> {
    guard case .sequence(let items) = node.content else {
      return .failure(SettingMistake(reason: "must be a list"))
    }
    let values = items.compactMap { $0.isNull ? nil : $0.text }
    guard values.count == items.count else {
      return .failure(SettingMistake(reason: "must be a list of texts"))
    }
    return values.isEmpty ? .failure(SettingMistake(reason: "must not be an empty list")) : .success(values)
  }

  public func add(to object: inout JSONObjectWriter, _ name: String) { object.add(name, self) }
}

extension Substring {
  fileprivate func trimmingSpaces() -> String {
    let start = drop { $0 == " " }
    return String(start.lastIndex { $0 != " " }.map { start[...$0] } ?? "")
  }
}
