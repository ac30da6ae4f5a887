/// A strict JSON parser. RFC 8259.
///
/// It refuses what other parsers treat differently: a member that is given twice, a byte-order mark, a trailing
/// comma, text after the value, invalid UTF-8, lone surrogates. If parsers differ, a request can mean one thing to a
/// filter in front of this program and another to this program.
struct JSONParser {
  /// The deepest nesting of arrays and objects, so that a body can't exhaust the stack.
  static let depthLimit = 32
  /// The largest object whose members are compared pair by pair.
  private static let pairwiseLimit = 16

  let text: UnsafeBufferPointer<UInt8>
  var position = 0
  private var depth = 0

  /// - Throws: ``JSONError``.
  static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    let result = bytes.withUnsafeBufferPointer { (text) -> Result<JSONValue, JSONError> in
      var parser = JSONParser(text: text)
      do throws(JSONError) {
        return .success(try parser.document())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

  func failure(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

  private mutating func document() throws(JSONError) -> JSONValue {
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == text.count else { throw failure("unexpected text after the value") }
    return value
  }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  func peek() throws(JSONError) -> UInt8 {
    guard position < text.count else { throw failure("unexpected end") }
    return text[position]
  }

  mutating func take(_ byte: UInt8) throws(JSONError) -> Bool {
    guard try peek() == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    switch try peek() {
    case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw failure("unexpected character")
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    guard depth < Self.depthLimit else { throw failure("nested more than 32 levels deep") }
    depth += 1
    position += 1
    skipSpace()
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let end = position + word.utf8CodeUnitCount
    guard end <= text.count,
      text[position..<end].elementsEqual(
        UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    else { throw failure("unexpected character") }
    position = end
    return value
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    var items: [JSONValue] = []
    if try take(UInt8(ascii: "]")) { return .array(items) }
    while true {
      skipSpace()
      items.append(try value())
      skipSpace()
      if try take(UInt8(ascii: "]")) { return .array(items) }
      guard try take(UInt8(ascii: ",")) else { throw failure("expected , or ]") }
    }
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    var members: [(name: String, value: JSONValue)] = []
    if try take(UInt8(ascii: "}")) { return .object(JSONObject(members: members)) }
    while true {
      skipSpace()
      guard try peek() == UInt8(ascii: "\"") else { throw failure("expected a member name") }
      let name = try string()
      skipSpace()
      guard try take(UInt8(ascii: ":")) else { throw failure("expected :") }
      skipSpace()
      members.append((name, try value()))
      skipSpace()
      if try take(UInt8(ascii: "}")) { break }
      guard try take(UInt8(ascii: ",")) else { throw failure("expected , or }") }
    }
    try refuseDuplicates(members)
    return .object(JSONObject(members: members))
  }

  private func refuseDuplicates(_ members: [(name: String, value: JSONValue)]) throws(JSONError) {
    if members.count <= Self.pairwiseLimit {
      for index in members.indices.dropFirst() {
        for other in members[..<index] where other.name.hasSameBytes(as: members[index].name) {
          throw failure("a member is given twice")
        }
      }
      return
    }
    // By sorting: comparing all pairs of a few thousand members would take seconds.
    let names = members.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for (name, next) in zip(names, names.dropFirst()) where name.hasSameBytes(as: next) {
      throw failure("a member is given twice")
    }
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    var isInteger = true
    if text[position] == UInt8(ascii: "-") { position += 1 }
    if try !take(UInt8(ascii: "0")) { try digits() }
    if position < text.count, text[position] == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      try digits()
    }
    if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      position += 1
      if position < text.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(text[position]) {
        position += 1
      }
      try digits()
    }
    let digits = String(decoding: text[start..<position], as: UTF8.self)
    if isInteger, let value = Int(digits) { return .integer(value) }
    guard let value = Double(digits), value.isFinite else { throw failure("the number is too large") }
    return .number(value)
  }

  private mutating func digits() throws(JSONError) {
    let start = position
    while position < text.count, text[position] &- UInt8(ascii: "0") < 10 { position += 1 }
    guard position > start else { throw failure("expected a digit") }
  }
}
