/// A JSON value, RFC 8259.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number without fraction and exponent that fits into an Int.
  case integer(Int)
  /// Any other number, rounded to a Double.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Parses one value. Refuses what RFC 8259 doesn't allow, a member that is given twice, and nesting deeper than 32
  /// levels.
  /// - Throws: ``JSONError``.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    self = try JSONParser.parse(bytes)
  }

  /// The string; nil if the value is of another type. The properties below do the same for theirs.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  public var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// Any number, rounded to a Double.
  public var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  public var object: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }

  public var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  public var isNull: Bool {
    if case .null = self { true } else { false }
  }
}

/// The members of a JSON object in their order. No two have the same name.
public struct JSONObject: Sendable {
  public let members: [(name: String, value: JSONValue)]

  /// - Parameter members: no two may have the same name.
  public init(members: [(name: String, value: JSONValue)]) {
    self.members = members
  }

  /// Parses one object, as ``JSONValue/init(parsing:)``.
  /// - Throws: ``JSONError``, also if the text is another value.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    guard case .object(let object) = try JSONParser.parse(bytes) else {
      throw JSONError(reason: "not an object", offset: 0)
    }
    self = object
  }

  /// The value of the member with this name, compared byte by byte; nil if there is none.
  public subscript(name: String) -> JSONValue? {
    for member in members where member.name.hasSameBytes(as: name) { return member.value }
    return nil
  }
}

/// Why a text was refused, and where.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  public let reason: String
  /// The position of the failure. Bytes from the beginning of the text.
  public let offset: Int

  public var description: String { "\(reason) at byte \(offset)" }
}
