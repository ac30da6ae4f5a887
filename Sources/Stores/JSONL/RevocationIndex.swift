import Logging
import POSIX

/// Which tokens a file of revocations has revoked: 16 bytes each, kept up with the file.
struct RevocationIndex {
  private let path: String
  private let logger: Logger
  private var lines: AppendedLines
  private var revoked: Set<TokenIDHash> = []

  init(path: String, logger: Logger) {
    self.path = path
    self.logger = logger
    lines = AppendedLines(path: path)
  }

  /// Reads what has come since the last time. Nothing is forgotten: whoever moves or cuts the file makes no
  /// revoked token good again for this process.
  /// - Throws: ``RecordLine/Damaged`` for a damaged line, and then again each time; ``SystemError``, ``StoreError``.
  mutating func refresh() throws {
    var added: Set<TokenIDHash> = []
    swap(&added, &revoked)
    defer { swap(&added, &revoked) }
    let change = try lines.read { line in
      added.insert(try RevocationLine.hash(line))
    }
    if change == .rewritten {
      logger.error("file was cut or written over by somebody else", metadata: ["file": "\(path)"])
    }
  }

  /// Whether a token is revoked, where a file that looks like this was read to its end; else nil.
  /// - Parameter status: nil where there is no file.
  func answer(_ hash: TokenIDHash, asOf status: FileStatus?) -> Bool? {
    lines.haveAll(of: status) ? revoked.contains(hash) : nil
  }

  /// Whether a token is revoked, as of the last ``refresh()``.
  func contains(_ hash: TokenIDHash) -> Bool {
    if revoked.contains(hash) { return true }
    // A record whose newline is still to come, or was cut off.
    guard !lines.unfinished.isEmpty else { return false }
    return (try? RevocationLine.hash(lines.unfinished[...])) == hash
  }
}

/// A revocation as a line of the file.
enum RevocationLine {
  private static let beforeTokenID = Array(#"{"jti":""#.utf8)

  /// The token that a line revokes.
  /// - Throws: ``RecordLine/Damaged``.
  static func hash(_ line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> TokenIDHash {
    if let payload = try RecordLine.sealedPayload(line), payload.starts(with: beforeTokenID),
      let hash = TokenIDHash(digits: payload.dropFirst(beforeTokenID.count))
    {
      return hash
    }
    return TokenIDHash(try revocation(line).tokenID)
  }

  /// The revocation on a line.
  /// - Throws: ``RecordLine/Damaged``.
  static func revocation(_ line: ArraySlice<UInt8>) throws(RecordLine.Damaged) -> Revocation {
    guard let revocation = Revocation(try RecordLine.object(line)) else { throw RecordLine.Damaged() }
    return revocation
  }
}
