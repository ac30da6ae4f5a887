import POSIX
import Wire

/// Prints the results and errors of commands.
///
/// Results go to standard output, and nothing else does, so that you can pipe them. Errors go to standard error, one
/// on each line, after `pico-auth: `. The exit status is 0 if the command succeeds, 1 if it fails, and 64 if the
/// arguments are wrong. No command prints a secret of the configuration.
///
/// Texts from files, tokens and arguments may contain anything. This type escapes what isn't visible, by the rule of
/// ``VisibleText``. So no text can break its line or send a control sequence to the terminal.
enum Console {
  /// Prints one line.
  static func print(_ line: String) throws { try write(VisibleText.escaped(line)) }

  /// Prints one JSON object as a line. Invisible characters become JSON escapes.
  /// - Throws: ``SystemError`` if standard output can't be written.
  static func print(json object: [UInt8]) throws {
    try write(VisibleText.escaped(json: String(decoding: object, as: UTF8.self)))
  }

  /// Prints several lines.
  /// - Throws: ``SystemError`` if standard output can't be written.
  static func print(document: String) throws { try write(lines(document)) }

  /// Shortens a text to a limit.
  /// - Parameter limit: the most Unicode scalars. A `Character` may have any number of them.
  static func shortened(_ text: String, limit: Int = 64) -> String {
    let scalars = text.unicodeScalars
    return scalars.count > limit ? String(scalars.prefix(limit)) + "…" : text
  }

  /// Prints an error as one line of standard error.
  static func complain(_ line: String) { prompt("pico-auth: \(VisibleText.escaped(line))\n") }

  /// Prints several lines of an error to standard error.
  static func complain(document: String) { prompt("\(lines(document))\n") }

  /// Prints a prompt to standard error, without a newline.
  static func prompt(_ text: StaticString) { prompt("\(text)") }

  private static func prompt(_ text: String) {
    // If standard error fails too, there is no other place for the error.
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
