/// A JSON value, RFC 8259.
public enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number written without fraction or exponent that fits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Reads one value, strictly.
  /// - Throws: ``JSONError``.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    self = try JSONParser.parse(bytes)
  }

  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  public var integer: Int? {
    if case .integer(let value) = self { value } else { nil }
  }

  /// The value of a number, whole or not.
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

/// The members of a JSON object, in the order they were read, no name twice.
public struct JSONObject: Sendable {
  public let members: [(name: String, value: JSONValue)]

  init(members: [(name: String, value: JSONValue)]) {
    self.members = members
  }

  /// Reads one object, strictly.
  /// - Throws: ``JSONError``.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    guard case .object(let object) = try JSONParser.parse(bytes) else {
      throw JSONError(reason: "not an object", offset: 0)
    }
    self = object
  }

  /// The member of that name, compared byte by byte; nil where there is none.
  public subscript(name: String) -> JSONValue? {
    for member in members where member.name.hasSameBytes(as: name) { return member.value }
    return nil
  }
}

/// Why a text isn't the JSON we take.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  public let reason: String
  /// Bytes from the beginning of the text.
  public let offset: Int

  public var description: String { "\(reason) at byte \(offset)" }
}
