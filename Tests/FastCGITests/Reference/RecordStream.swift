@testable import FastCGI

/// A record as a client sends it. FastCGI specification, section 3.3.
struct SentRecord {
  var kind: UInt8
  var id: UInt16
  var content: [UInt8] = []
  var padding = 0
  var version: UInt8 = 1

  var bytes: [UInt8] {
    [
      version, kind, UInt8(id >> 8), UInt8(id & 0xff), UInt8(content.count >> 8), UInt8(content.count & 0xff),
      UInt8(padding), 0,
    ] + content + [UInt8](repeating: 0xa5, count: padding)
  }

  /// - Parameter length: of the content; 8 is right.
  static func begin(_ id: UInt16, role: UInt16, keeps: Bool, length: Int = 8) -> SentRecord {
    let content = [UInt8(role >> 8), UInt8(role & 0xff), keeps ? 1 : 0] + [UInt8](repeating: 0, count: 20)
    return SentRecord(kind: Record.Kind.beginRequest, id: id, content: Array(content.prefix(length)))
  }
}

/// What a client sends on one connection: in steps, as it awaits answers in between; then it ends its side.
struct RecordStream {
  struct Step {
    var bytes: [UInt8]
    /// How many requests must have ended before the next step.
    let ends: Int

    init(_ records: [SentRecord], ends: Int = 1) {
      bytes = records.flatMap(\.bytes)
      self.ends = ends
    }
  }

  /// How a step is split into writes.
  enum Pieces {
    case whole
    /// Two, the first of so many bytes.
    case cut(Int)
    /// Of sizes up to so many bytes.
    case upTo(Int)
  }

  var steps: [Step]
  var pieces = Pieces.whole

  var hexDump: String {
    steps.map { step in
      step.bytes.prefix(4096).map { byte in
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0" + text : text
      }.joined() + (step.bytes.count > 4096 ? "… (\(step.bytes.count) bytes)" : "")
    }.joined(separator: "\n-- awaits an end --\n")
  }
}
