import POSIX
import Wire

/// What commands print.
///
/// Results go to standard output and nothing else does, so that they can be piped. Whatever went wrong goes to
/// standard error, one line each, beginning with `pico-auth: `. The exit status is 0 where the command
/// did what it was asked, 1 where it could not, 64 where it was asked wrongly. Secrets are never printed.
///
/// Texts from files, tokens and arguments may hold anything. What isn't visible is escaped here and nowhere else, by the
/// rule of ``VisibleText``, so that no such text ends its line or commands the terminal.
enum Console {
  /// Prints one line.
  static func print(_ line: String) throws { try write(VisibleText.escaped(line)) }

  /// Prints one JSON object as a line. What isn't visible becomes an escape of JSON's.
  static func print(json object: [UInt8]) throws {
    try write(VisibleText.escaped(json: String(decoding: object, as: UTF8.self)))
  }

  /// Prints several lines.
  static func print(document: String) throws { try write(lines(document)) }

  /// The beginning of a text that may be long. The limit counts Unicode scalars, as a character can be of any number.
  static func shortened(_ text: String, limit: Int = 64) -> String {
    let scalars = text.unicodeScalars
    return scalars.count > limit ? String(scalars.prefix(limit)) + "…" : text
  }

  /// Tells what went wrong, on one line of standard error.
  static func complain(_ line: String) { prompt("pico-auth: \(VisibleText.escaped(line))\n") }

  /// Prints several lines to standard error.
  static func complain(document: String) { prompt("\(lines(document))\n") }

  /// Asks or tells a person something, without a newline of its own.
  static func prompt(_ text: StaticString) { prompt("\(text)") }

  private static func prompt(_ text: String) {
    // Where even that fails there is nobody left to tell.
    try? FileHandle.standardError.writeNext(Array(text.utf8))
  }

  private static func lines(_ document: String) -> String {
    document.split(separator: "\n", omittingEmptySubsequences: false)
      .map { VisibleText.escaped($0) }.joined(separator: "\n")
  }

  private static func write(_ text: String) throws {
    try FileHandle.standardOutput.writeNext(Array("\(text)\n".utf8))
  }
}
