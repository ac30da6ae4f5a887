import CGI
import POSIX
import Wire

/// Writes a JSON object that begins with `items`, piece by piece, so that a list of any length takes a few
/// kilobytes of memory.
enum ItemStream {
  /// A piece is sent once it is this large, or took this long. Bytes; nanoseconds.
  private static let pieceSize = 32768
  private static let pieceTime: UInt64 = 20_000_000

  /// What one step of a list gave.
  enum Step {
    /// A JSON value.
    case item([UInt8])
    /// Nothing yet.
    case none
    /// The end: further members to write behind the items.
    case end(members: [(name: String, value: String)])
  }

  /// - Parameter step: gives the items one after the other, each within a fraction of that time.
  static func body(_ step: @escaping () throws -> Step) -> BodyStream {
    var text = Array(#"{"items":["#.utf8)
    var isFirst = true
    var isAtEnd = false
    return BodyStream {
      if isAtEnd { return nil }
      let end = Clock.monotonicNanoseconds + pieceTime
      repeat {
        switch try step() {
        case .item(let item):
          if !isFirst { text.append(UInt8(ascii: ",")) }
          isFirst = false
          text += item
        case .none: break
        case .end(let members):
          isAtEnd = true
          text.append(UInt8(ascii: "]"))
          for member in members { append(member, to: &text) }
          text.append(UInt8(ascii: "}"))
          return text
        }
      } while text.count < pieceSize && Clock.monotonicNanoseconds < end
      defer { text = [] }
      return text
    }
  }

  private static func append(_ member: (name: String, value: String), to text: inout [UInt8]) {
    text.append(UInt8(ascii: ","))
    text.appendJSON(member.name)
    text.append(UInt8(ascii: ":"))
    text.appendJSON(member.value)
  }
}
