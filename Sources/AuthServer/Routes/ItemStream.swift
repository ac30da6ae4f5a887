import CGI
import POSIX
import Wire

/// Writes a JSON object with a list `items` piece by piece, so that a list of any length takes a few kilobytes of
/// memory.
enum ItemStream {
  /// A piece is sent when it reaches this size or has taken this long. Bytes; nanoseconds.
  private static let pieceSize = 32768
  private static let pieceTime: UInt64 = 20_000_000

  /// The result of one step through a list.
  enum Step {
    /// An item: one JSON value.
    case item([UInt8])
    /// No item, but the list isn't at its end.
    case none
    /// The end of the list, and members to write after `items`.
    case end(members: [(name: String, value: String)])
  }

  /// A body with the items of a list.
  /// - Parameter step: gives the next item. It returns well within 20 ms. If it throws, the server closes the
  ///   connection in the middle of the answer.
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
