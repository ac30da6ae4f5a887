import POSIX

extension RevocationLine {
  private static let chunkSize = 1 << 18

  /// The revocation on a line that ends. Nil for an empty line and for a torn one (see ``LostWrite``).
  /// - Parameters:
  ///   - bytes: the line without its newline.
  ///   - start: the offset of the line in the file. Bytes.
  ///   - end: the offset after its newline. Bytes.
  /// - Throws: ``RecordLine/Damaged``, ``SystemError``.
  static func revocation(
    _ bytes: ArraySlice<UInt8>, from start: Int, to end: Int, of handle: FileHandle
  ) throws -> Revocation? {
    if bytes.isEmpty { return nil }
    do {
      return try revocation(bytes)
    } catch let error as RecordLine.Damaged {
      guard try LostWrite.isTorn(handle, from: start, to: end - 1) else { throw error }
      return nil
    }
  }

  /// Whether a line of a file revokes a token. Each line is read as workers read it, so that no spelling of
  /// the identifier hides it and a damaged line raises an alarm. No line is kept in memory.
  /// - Parameter start: an offset at which a line begins. Bytes.
  /// - Throws: ``RecordLine/Damaged``, ``SystemError``, ``StoreError``.
  static func revokes(
    _ token: TokenIDHash, in handle: FileHandle, from start: Int, path: String
  ) throws -> Bool {
    var lines = try AppendedLines(path: path, following: handle, from: start)
    var isRevoked = false
    _ = try lines.read { if try hash($0) == token { isRevoked = true } }
    return isRevoked || (!lines.unfinished.isEmpty && (try? hash(lines.unfinished[...])) == token)
  }

  /// Finds the revocation of a token without parsing other lines as JSON, in bounded memory. Nil if there is
  /// none.
  ///
  /// The identifier must be one that JSON writes without escapes. One with quotes, backslashes or control
  /// characters isn't found, nor is one that its writer has escaped.
  /// - Parameter start: the offset from which to search. Bytes.
  /// - Throws: ``RecordLine/Damaged``, ``SystemError``.
  static func find(_ tokenID: String, in handle: FileHandle, from start: Int = 0) throws -> Revocation? {
    let needle = Array("\"\(tokenID)\"".utf8)
    var offset = start
    while true {
      let chunk = try handle.read(count: max(chunkSize, 2 * needle.count), at: offset)
      guard let found = chunk.firstIndex(of: needle) else {
        if chunk.count < chunkSize { return nil }
        // The identifier may extend across the end of the chunk.
        offset += chunk.count - needle.count + 1
        continue
      }
      let lineStart = try BackwardLines.endOfLastLine(of: handle, size: offset + found)
      var lines = LineReader(handle, from: lineStart)
      guard let line = try lines.next() else { return nil }
      let isWanted = { (revocation: Revocation) in revocation.tokenID.utf8.elementsEqual(tokenID.utf8) }
      // A writer is appending this line, or was interrupted.
      guard line.isEnded else { return (try? revocation(line.bytes)).flatMap { isWanted($0) ? $0 : nil } }
      if let revocation = try revocation(line.bytes, from: line.start, to: line.end, of: handle),
        isWanted(revocation)
      {
        return revocation
      }
      offset = line.end
    }
  }
}
