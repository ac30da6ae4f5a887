import ArgumentParser
import POSIX

/// Reads arguments that may come on standard input.
enum Arguments {
  /// The argument itself; for `-`, the first word of standard input. Either may be a whole header value:
  /// `Bearer TOKEN`.
  /// - Throws: `ValidationError` if the input is longer than 1 MiB; ``SystemError`` if it can't be read.
  static func firstWord(_ argument: String) throws -> String {
    guard argument == "-" else { return firstWord(in: argument) ?? argument }
    let text = try standardInput()
    return firstWord(in: text) ?? String(text.split { $0.isWhitespace }.first ?? "")
  }

  /// All of standard input, without white space at its ends.
  /// - Throws: `ValidationError` if it is longer than 1 MiB; ``SystemError`` if it can't be read.
  static func standardInput() throws -> String {
    var bytes: [UInt8] = []
    while case let chunk = try FileHandle.standardInput.readNext(count: 65536), !chunk.isEmpty {
      bytes += chunk
      guard bytes.count <= 1 << 20 else { throw ValidationError("standard input is longer than 1 MiB") }
    }
    let text = String(decoding: bytes, as: UTF8.self).drop { $0.isWhitespace }
    return String(text.reversed().drop { $0.isWhitespace }.reversed())
  }

  /// What follows `Bearer`; nil if the text doesn't begin so.
  private static func firstWord(in text: String) -> String? {
    let words = text.split { $0.isWhitespace }
    guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
    return String(words[1])
  }
}
