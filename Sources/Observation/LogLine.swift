import Glibc
import Logging

/// An event as one line of text: `TIME LEVEL LABEL: MESSAGE KEY=VALUE …`.
///
/// Nothing that came from outside can end the line, begin another one, or change what a terminal shows: this is the one
/// place where log texts are escaped.
struct LogLine {
  /// A pipe takes so much at once or not at all (PIPE_BUF). Bytes, the newline included.
  static let maximumSize = 4096

  private(set) var bytes: [UInt8] = []

  /// - Parameter time: seconds since 1970.
  init(
    time: time_t, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
  ) {
    bytes += Self.timestamp(time).utf8
    bytes += " \(level) \(label): ".utf8
    append(message)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      bytes += " ".utf8
      append(key)
      bytes += "=".utf8
      let text = "\(value)"
      if Self.isPlain(text) {
        bytes += text.utf8
      } else {
        bytes += "\"".utf8
        append(text)
        bytes += "\"".utf8
      }
    }
    if bytes.count >= Self.maximumSize {
      bytes.removeSubrange((Self.maximumSize - 4)...)
      bytes += "...".utf8
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  /// Whether a value needs no quotes.
  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c && $0 != 0x3d }
  }

  /// Appends a text with everything escaped that isn't printable: controls (C0, DEL, C1), and characters that change
  /// the direction of text or aren't seen.
  private mutating func append(_ text: String) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": bytes += "\\n".utf8
      case "\t": bytes += "\\t".utf8
      case "\"", "\\":
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(scalar.value))
      default:
        if Self.isShown(scalar) {
          bytes += Array(UTF8.encode(scalar)!)
        } else {
          bytes += "\\u{\(String(scalar.value, radix: 16))}".utf8
        }
      }
    }
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x80 { return (0x20...0x7e).contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
      return false
    default: return true
    }
  }

  /// As ISO 8601 has it, with the offset from UTC.
  private static func timestamp(_ time: time_t) -> String {
    var time = time
    var parts = tm()
    localtime_r(&time, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
    return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
