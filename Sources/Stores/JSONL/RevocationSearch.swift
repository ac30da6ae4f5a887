import POSIX

extension RevocationLine {
  private static let chunkSize = 1 << 18

  /// The revocation on a line that ends; nil for an empty line, and for a torn one, as ``LostWrite`` tells it.
  /// - Parameters:
  ///   - start: bytes from the beginning of the file to the line.
  ///   - end: to the byte behind its newline.
  /// - Throws: ``RecordLine/Damaged``, ``SystemError``.
  static func revocation(
    _ bytes: ArraySlice<UInt8>, from start: Int, to end: Int, of handle: FileHandle
  ) throws -> Revocation? {
    if bytes.isEmpty { return nil }
    do {
      return try revocation(bytes)
    } catch let error as RecordLine.Damaged {
      guard try LostWrite.tore(handle, from: start, to: end - 1) else { throw error }
      return nil
    }
  }

  /// Whether a line of a file revokes a token. Every line is looked at as workers do, so that no spelling of its
  /// identifier hides it, and a damaged line is an alarm; nothing is kept.
  /// - Parameter start: where a line begins. Bytes from the beginning.
  /// - Throws: ``RecordLine/Damaged``, ``SystemError``, ``StoreError``.
  static func revokes(
    _ token: TokenIDHash, in handle: FileHandle, from start: Int, path: String
  ) throws -> Bool {
    var lines = try AppendedLines(path: path, following: handle, from: start)
    var isRevoked = false
    _ = try lines.read { if try hash($0) == token { isRevoked = true } }
    return isRevoked || (!lines.unfinished.isEmpty && (try? hash(lines.unfinished[...])) == token)
  }

  /// The line of a file that revokes a token, looked for without reading the others as JSON, and in bounded memory; nil
  /// where there is none.
  ///
  /// For a token identifier that JSON writes as it is: what has quotes, backslashes or control characters
  /// isn't found, and nor is one that its writer has spelled with escapes.
  static func find(_ tokenID: String, in handle: FileHandle, from start: Int = 0) throws -> Revocation? {
    let needle = Array("\"\(tokenID)\"".utf8)
    var offset = start
    while true {
      let chunk = try handle.read(count: max(chunkSize, 2 * needle.count), at: offset)
      guard let found = chunk.firstIndex(of: needle) else {
        if chunk.count < chunkSize { return nil }
        // It may stand across the end of the chunk.
        offset += chunk.count - needle.count + 1
        continue
      }
      let lineStart = try BackwardLines.endOfLastLine(of: handle, size: offset + found)
      var lines = LineReader(handle, from: lineStart)
      guard let line = try lines.next() else { return nil }
      let isWanted = { (revocation: Revocation) in revocation.tokenID.utf8.elementsEqual(tokenID.utf8) }
      // At the end somebody is still writing, or was interrupted.
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
