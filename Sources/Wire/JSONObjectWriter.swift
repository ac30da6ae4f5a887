/// Writes one JSON object, member by member, without white space. RFC 8259, section 4. The caller adds no name twice.
public struct JSONObjectWriter {
  private var bytes: [UInt8] = []

  public init() {
    // Most objects are smaller, so that the array doesn't grow.
    bytes.reserveCapacity(480)
    bytes.append(UInt8(ascii: "{"))
  }

  public mutating func add(_ name: String, _ value: String) {
    begin(name)
    bytes.appendJSON(value)
  }

  public mutating func add(_ name: String, _ value: Int) {
    add(name, json: Array(String(value).utf8))
  }

  /// Adds a number that may have a fraction. The value must be finite: JSON has no infinity and no NaN.
  public mutating func add(_ name: String, _ value: Double) {
    add(name, json: Array(value.description.utf8))
  }

  public mutating func add(_ name: String, _ value: Bool) {
    add(name, json: Array((value ? "true" : "false").utf8))
  }

  public mutating func add(_ name: String, _ values: [String]) {
    begin(name)
    bytes.append(UInt8(ascii: "["))
    for (index, value) in values.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes.appendJSON(value)
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// Adds a value that is already JSON. It isn't checked.
  public mutating func add(_ name: String, json: [UInt8]) {
    begin(name)
    bytes += json
  }

  /// The JSON array of values that are already JSON.
  public static func array(_ items: [[UInt8]]) -> [UInt8] {
    var array = [UInt8(ascii: "[")]
    for (index, item) in items.enumerated() {
      if index > 0 { array.append(UInt8(ascii: ",")) }
      array += item
    }
    return array + [UInt8(ascii: "]")]
  }

  /// The object's bytes.
  public consuming func finish() -> [UInt8] {
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  private mutating func begin(_ name: String) {
    if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
    bytes.appendJSON(name)
    bytes.append(UInt8(ascii: ":"))
  }
}

extension [UInt8] {
  /// Appends a JSON string with its quotes. Escapes only what RFC 8259, section 7 requires.
  public mutating func appendJSON(_ string: String) {
    append(UInt8(ascii: "\""))
    var string = string
    string.withUTF8 { text in
      if Self.needsEscapes(text) {
        appendEscaped(text)
      } else {
        append(contentsOf: text)
      }
    }
    append(UInt8(ascii: "\""))
  }

  /// Whether any byte is below 32, a quote or a backslash. Checks eight bytes at a time, because tokens, keys and
  /// addresses are long: a subtraction in each byte of a word borrows, and so sets the high bit, where the byte is
  /// such a one.
  private static func needsEscapes(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    let bytes = UnsafeRawBufferPointer(text)
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = 0
    while offset + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let quotes = word ^ ones &* 0x22
      let backslashes = word ^ ones &* 0x5c
      let borrows =
        (word &- ones &* 0x20) & ~word | (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes
      if borrows & (ones &* 0x80) != 0 { return true }
      offset += 8
    }
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte < 0x20 || byte == 0x22 || byte == 0x5c { return true }
      offset += 1
    }
    return false
  }

  private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
    for byte in text {
      switch byte {
      case 0x22, 0x5c: self += [UInt8(ascii: "\\"), byte]
      case 0x0a: self += Array("\\n".utf8)
      case 0..<0x20: self += Array("\\u00\(Hex.encode([byte]))".utf8)
      default: append(byte)
      }
    }
  }
}
