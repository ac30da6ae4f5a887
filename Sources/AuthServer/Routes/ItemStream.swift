import CGI
import Wire

/// Writes a JSON object that begins with `items`, piece by piece, so that a list of any length takes a few
/// kilobytes of memory.
enum ItemStream {
  private static let pieceSize = 32768

  /// - Parameters:
  ///   - produce: calls its argument with each item, a JSON value.
  /// - Returns: what to write behind the items: further members, from their comma on, or nothing.
  static func write(
    to sink: @escaping Response.Sink, _ produce: (_ add: ([UInt8]) throws -> Void) throws -> [UInt8]
  ) throws {
    var buffer = Array(#"{"items":["#.utf8)
    var isFirst = true
    let rest = try produce { item in
      if !isFirst { buffer.append(UInt8(ascii: ",")) }
      isFirst = false
      buffer += item
      if buffer.count >= pieceSize {
        try sink(buffer)
        buffer.removeAll(keepingCapacity: true)
      }
    }
    buffer.append(UInt8(ascii: "]"))
    buffer += rest
    buffer.append(UInt8(ascii: "}"))
    try sink(buffer)
  }

  /// A string member to write behind the items.
  static func member(_ name: String, _ value: String) -> [UInt8] {
    var bytes = [UInt8(ascii: ",")]
    bytes.appendJSON(name)
    bytes.append(UInt8(ascii: ":"))
    bytes.appendJSON(value)
    return bytes
  }
}
