import Glibc
import Logging
import Wire

/// An event as one line of text: `TIME LEVEL LABEL: MESSAGE KEY=VALUE …`.
///
/// Untrusted text can't end the line, start another one, or control a terminal: this is the one place that escapes
/// log texts, as ``VisibleText`` does.
struct LogLine {
  /// The largest line, its newline included. `pipe(7)`: a write of at most PIPE_BUF bytes is atomic. Bytes.
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

  /// Whether a value needs no quotes: it is printable ASCII without space, quote, backslash and equals sign.
  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c && $0 != 0x3d }
  }

  /// Appends a text. Escapes invisible characters, quotes and backslashes.
  private mutating func append(_ text: String) {
    bytes += VisibleText.escaped(text, special: ["\"", "\\"]).utf8
  }

  /// Local time in the format of ISO 8601, with its offset from UTC. `strftime(3)`.
  private static func timestamp(_ time: time_t) -> String {
    var time = time
    var parts = tm()
    localtime_r(&time, &parts)
    var text = [CChar](repeating: 0, count: 32)
    let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
    return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
