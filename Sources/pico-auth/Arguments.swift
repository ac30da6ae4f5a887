import ArgumentParser
import POSIX

/// Reads arguments that may come on standard input.
enum Arguments {
  /// The argument itself; for `-`, the first word of standard input. The input may be a whole header value:
  /// `Bearer TOKEN`.
  /// - Throws: `ValidationError` if the input is longer than 1 MiB; ``SystemError`` if it can't be read.
  static func firstWord(_ argument: String) throws -> String {
    guard argument == "-" else { return argument }
    var bytes: [UInt8] = []
    while case let chunk = try FileHandle.standardInput.readNext(count: 65536), !chunk.isEmpty {
      bytes += chunk
      guard bytes.count <= 1 << 20 else { throw ValidationError("the token is too long") }
    }
    let words = String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }
    return String(words.first?.lowercased() == "bearer" ? words.dropFirst().first ?? "" : words.first ?? "")
  }
}
