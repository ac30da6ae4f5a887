/// Tells where a JSON object ends that something else follows. It counts braces outside of strings and refuses what no
/// object begins with; whether it is JSON throughout is for a parser to say.
enum JSONExtent: Equatable {
  /// The index behind its closing brace.
  case object(end: Int)
  /// The bytes end before it does.
  case unfinished
  /// No object begins there.
  case none

  private static let depthLimit = 32

  /// - Parameter start: where its opening brace stands.
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
          // A record holds none: a string that has one lost its end.
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

  /// Whether a name or a closing brace comes next, or nothing.
  private static func beginsAMember(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
    guard let next = text[start...].first(where: { $0 != 0x20 }) else { return true }
    return next == UInt8(ascii: "\"") || next == UInt8(ascii: "}")
  }
}
