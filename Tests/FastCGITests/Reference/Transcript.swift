@testable import FastCGI

/// What an application sends back on a connection, up to its end; padding, and how output is split into records, left out.
struct Transcript: Equatable, CustomStringConvertible {
  enum Reply: Equatable {
    case output(UInt16, [UInt8])
    case outputEnd(UInt16)
    case end(UInt16, status: UInt32, protocolStatus: UInt8)
    /// The answer to FCGI_GET_VALUES: the bytes of its pairs.
    case values([[UInt8]])
    case unknownType(UInt8)
    case other(kind: UInt8, UInt16, [UInt8])
    /// Part of a record.
    case fragment([UInt8])
    /// Neither an answer nor the connection's end.
    case nothing
  }

  var replies: [Reply]

  init(_ replies: [Reply]) { self.replies = replies }

  init(_ bytes: [UInt8]) {
    replies = []
    var position = 0
    while position < bytes.count {
      guard let header = Self.header(bytes, position) else {
        replies.append(.fragment(Array(bytes[position...])))
        return
      }
      let start = position + Record.Header.size
      add(header, Array(bytes[start..<start + header.length]))
      position = start + header.length + header.padding
    }
  }

  /// How many requests have ended.
  var ends: Int { replies.count { if case .end = $0 { true } else { false } } }

  /// The same in the bytes that have come.
  /// - Parameter position: where the last look ended.
  static func countEnds(_ bytes: [UInt8], from position: inout Int) -> Int {
    var count = 0
    while let header = header(bytes, position) {
      if header.kind == Record.Kind.endRequest { count += 1 }
      position += Record.Header.size + header.length + header.padding
    }
    return count
  }

  /// The header of the record there; nil where not all of the record has come.
  private static func header(_ bytes: [UInt8], _ position: Int) -> Record.Header? {
    let start = position + Record.Header.size
    guard start <= bytes.count, let header = Record.Header(Array(bytes[position..<start])),
      start + header.length + header.padding <= bytes.count
    else { return nil }
    return header
  }

  private mutating func add(_ header: Record.Header, _ content: [UInt8]) {
    let id = header.requestID
    switch header.kind {
    case Record.Kind.standardOutput where content.isEmpty: replies.append(.outputEnd(id))
    case Record.Kind.standardOutput:
      if case .output(id, let earlier) = replies.last {
        replies[replies.count - 1] = .output(id, earlier + content)
      } else {
        replies.append(.output(id, content))
      }
    case Record.Kind.endRequest where content.count == 8:
      let status = content[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      replies.append(.end(id, status: status, protocolStatus: content[4]))
    case Record.Kind.getValuesResult where id == 0: replies.append(.values(Self.pairs(content)))
    case Record.Kind.unknownKind where id == 0 && content.count == 8: replies.append(.unknownType(content[0]))
    default: replies.append(.other(kind: header.kind, id, content))
    }
  }

  /// Pairs as libfcgi hands them to an application: `NAME=VALUE`.
  static func pairs(_ bytes: [UInt8]) -> [[UInt8]] {
    bytes.withUnsafeBytes { bytes in
      var pairs = NameValuePairs(bytes)
      var texts: [[UInt8]] = []
      while let pair = try? pairs.next() { texts.append(pair.name + [UInt8(ascii: "=")] + pair.value) }
      return texts
    }
  }

  var description: String {
    replies.map { reply in
      switch reply {
      case .output(let id, let bytes):
        "output \(id): \(bytes.count) bytes \(String(decoding: bytes.prefix(600), as: UTF8.self).debugDescription)"
      case .values(let values): "values \(values.map { String(decoding: $0, as: UTF8.self) })"
      default: "\(reply)"
      }
    }.joined(separator: "\n  ")
  }
}
