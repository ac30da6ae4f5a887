/// Finds the end of a JSON object that other bytes follow. It counts braces outside of strings and stops at
/// what no object begins with. It doesn't check that the object is JSON; a parser does.
enum JSONExtent: Equatable {
  /// The index after its closing brace.
  case object(end: Int)
  /// The bytes end before the object does.
  case unfinished
  /// No object begins there.
  case none

  private static let depthLimit = 32

  /// Finds the end of the object at an index.
  /// - Parameter start: the index of its opening brace.
  static func end(in bytes: ArraySlice<UInt8>, from start: Int) -> JSONExtent {
    bytes.withUnsafeBufferPointer { text in
      let base = bytes.startIndex
      var depth = 0
      var isInString = false
      var isEscaped = false
      var index = start - base
      while index < text.count {
        let byte = text[index]
        index += 1
        if isInString {
          // Records hold no control character, so a string that has one has lost its closing quote.
          if byte < 0x20 { return .none }
          if isEscaped {
            isEscaped = false
          } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
          } else if byte == UInt8(ascii: "\"") {
            isInString = false
          }
          continue
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"):
          depth += 1
          if depth > depthLimit || !beginsAMember(text, from: index) { return .none }
        case UInt8(ascii: "}"):
          depth -= 1
          if depth == 0 { return .object(end: base + index) }
        case UInt8(ascii: ":"), UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), 0x20, 0x09, 0x0d,
          UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"):
          continue
        default: return .none
        }
      }
      return .unfinished
    }
  }

  /// Whether the next byte that isn't a space begins a name or closes the object. True also at the end of the
  /// bytes.
  private static func beginsAMember(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
    guard let next = text[start...].first(where: { $0 != 0x20 }) else { return true }
    return next == UInt8(ascii: "\"") || next == UInt8(ascii: "}")
  }
}
