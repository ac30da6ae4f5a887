import POSIX

/// What commands print.
///
/// Results go to standard output and nothing else does, so that they can be piped. Whatever went wrong goes to
/// standard error, one line each, beginning with `pico-auth: `. The exit status is 0 where the command
/// did what it was asked, 1 where it could not, 64 where it was asked wrongly. Secrets are never printed.
enum Console {
  static func print(_ text: String) throws {
    try FileHandle.standardOutput.writeNext(Array("\(text)\n".utf8))
  }

  /// A text from outside as it may be shown on a terminal: without control characters, and not too long.
  static func shown(_ text: String, limit: Int = 64) -> String {
    let clean = String(
      text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{fffd}" : Character($0) })
    return clean.count > limit ? clean.prefix(limit) + "…" : clean
  }

  static func complain(_ text: String) {
    for line in text.split(separator: "\n") { prompt("pico-auth: \(line)\n") }
  }

  /// Asks or tells a person something, without a newline of its own.
  static func prompt(_ text: String) {
    // Where even that fails there is nobody left to tell.
    try? FileHandle.standardError.writeNext(Array(text.utf8))
  }
}
