import POSIX

/// The files into which a mint audit was rotated: `<path>.000001`, `<path>.000002` and so on, oldest first.
struct MintArchives {
  /// The current file of the mint audit.
  let path: String

  private static let digits = 6

  /// The paths of the archives, oldest first.
  /// - Throws: ``SystemError``.
  func all() throws(SystemError) -> [String] {
    guard try FileStatus.ofFile(at: Files.parent(of: path)) != nil else { return [] }
    let prefix = "\(path.split(separator: "/").last ?? "")."
    return try Files.names(in: Files.parent(of: path))
      .filter { name in
        let number = name.utf8.dropFirst(prefix.utf8.count)
        return name.hasPrefix(prefix) && number.count == Self.digits
          && number.allSatisfy { $0 &- UInt8(ascii: "0") < 10 }
      }
      .map { "\(Files.parent(of: path))/\($0)" }
  }

  /// The path of the next archive.
  /// - Throws: ``SystemError``.
  func next() throws(SystemError) -> String {
    let last = try all().last.flatMap { Int($0.suffix(Self.digits)) } ?? 0
    let number = "\(last + 1)"
    return "\(path).\(String(repeating: "0", count: max(0, Self.digits - number.utf8.count)))\(number)"
  }
}
