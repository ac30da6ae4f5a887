/// Reads JSON as RFC 8259 has it and refuses what readers differ on: a member given twice, a byte-order
/// mark, a trailing comma, bytes behind the value, invalid UTF-8, lone surrogates.
/// Readers that differ are how a request means one thing to a filter and another to us.
struct JSONParser {
  /// Nesting beyond this is refused, so that a body can't exhaust the stack.
  static let depthLimit = 32
  /// Objects of no more members are looked over for duplicates pair by pair.
  private static let comparedInPairs = 16

  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var depth = 0

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

  private func failure(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

  private mutating func document() throws(JSONError) -> JSONValue {
    skipSpace()
    let value = try value()
    skipSpace()
    guard position == text.count else { throw failure("something after the value") }
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

  private func peek() throws(JSONError) -> UInt8 {
    guard position < text.count else { throw failure("unexpected end") }
    return text[position]
  }

  private mutating func take(_ byte: UInt8) throws(JSONError) -> Bool {
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
    guard depth < Self.depthLimit else { throw failure("nested too deeply") }
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
    if members.count <= Self.comparedInPairs {
      for index in members.indices.dropFirst() {
        for other in members[..<index] where other.name.hasSameBytes(as: members[index].name) {
          throw failure("a member given twice")
        }
      }
      return
    }
    // By sorting: comparing all pairs would let a body of a few thousand members burn seconds.
    let names = members.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    for (name, next) in zip(names, names.dropFirst()) where name.hasSameBytes(as: next) {
      throw failure("a member given twice")
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
    guard let value = Double(digits), value.isFinite else { throw failure("number too large") }
    return .number(value)
  }

  private mutating func digits() throws(JSONError) {
    let start = position
    while position < text.count, text[position] &- UInt8(ascii: "0") < 10 { position += 1 }
    guard position > start else { throw failure("expected a digit") }
  }

  private mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    var bits: UInt8 = 0
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "\"") {
        let bytes = text[start..<position]
        position += 1
        // ASCII, as nearly all there is, needs no validation, which takes twenty times as long.
        if bits < 0x80 { return String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self) }
        guard let string = String(validating: bytes, as: UTF8.self) else { throw failure("invalid UTF-8") }
        return string
      }
      bits |= byte
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw failure("control character in a string") }
      position += 1
    }
    throw failure("unexpected end")
  }

  /// The rest of a string from its first escape on.
  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var bytes = Array(text[start..<position])
    while true {
      let byte = try peek()
      guard byte >= 0x20 else { throw failure("control character in a string") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else {
          throw failure("invalid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &bytes)
      default: bytes.append(byte)
      }
    }
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(JSONError) {
    let letter = try peek()
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0c)
    case UInt8(ascii: "n"): bytes.append(0x0a)
    case UInt8(ascii: "r"): bytes.append(0x0d)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      var code = try fourDigits()
      if code & 0xfc00 == 0xd800 {
        guard try take(UInt8(ascii: "\\")), try take(UInt8(ascii: "u")) else {
          throw failure("lone surrogate")
        }
        let low = try fourDigits()
        guard low & 0xfc00 == 0xdc00 else { throw failure("lone surrogate") }
        code = 0x10000 + (code & 0x3ff) << 10 + (low & 0x3ff)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("lone surrogate") }
      bytes.append(contentsOf: UTF8.encode(scalar)!)
    default: throw failure("unknown escape")
    }
  }

  private mutating func fourDigits() throws(JSONError) -> UInt32 {
    guard position + 4 <= text.count else { throw failure("unexpected end") }
    guard
      let value = Hex.decode(String(decoding: text[position..<position + 4], as: UTF8.self)),
      value.count == 2
    else { throw failure("expected four hex digits") }
    position += 4
    return UInt32(value[0]) << 8 | UInt32(value[1])
  }
}
