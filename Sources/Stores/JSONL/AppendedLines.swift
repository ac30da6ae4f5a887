import POSIX

/// Follows a file that others append lines to: each call hands over what has come since the last, without
/// a lock. A file that was replaced or cut short is read from its beginning again.
struct AppendedLines {
  enum Change {
    /// The lines belong behind those handed over before.
    case appended
    /// The lines are all there are: what was handed over before no longer counts.
    case restarted
  }

  private static let chunkSize = 1 << 20

  let path: String
  private var handle: FileHandle?
  private var identity: FileStatus.Identity?
  /// Where the first line begins that was not handed over. Bytes.
  private var offset = 0

  init(path: String) {
    self.path = path
  }

  /// Hands over every whole line that is new, without its newline. A last line without one is left for
  /// later: its writer is still at it, or crashed.
  /// - Parameter body: called with lines in order; `restarted` with the first of a file begun anew, or
  ///   with an empty chunk where such a file has no line.
  mutating func read(_ body: (Change, ArraySlice<UInt8>) throws -> Void) throws {
    guard let status = try FileStatus.ofFile(at: path) else {
      if identity != nil { try body(.restarted, []) }
      self = AppendedLines(path: path)
      return
    }
    if status.identity == identity && status.size == offset { return }
    if status.identity != identity || status.size < offset {
      handle = try SharedFiles.open(path, flags: .read)
      identity = try handle?.status().identity
      offset = 0
      try body(.restarted, [])
    }
    while let handle {
      let chunk = try handle.read(count: Self.chunkSize, at: offset)
      guard let last = chunk.lastIndex(of: UInt8(ascii: "\n")) else { return }
      for line in chunk[...last].split(separator: UInt8(ascii: "\n")) { try body(.appended, line) }
      offset += last + 1
    }
  }
}
