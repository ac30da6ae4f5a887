import POSIX

/// Writes a ``RevocationSnapshot``.
enum SnapshotWriter {
  /// How much is written at once. Bytes.
  private static let pieceSize = 1 << 18

  /// Writes a snapshot to an empty file and waits until it is on the disk.
  /// - Parameters:
  ///   - tokens: the tokens in order, with or without duplicates.
  ///   - header: names the log. The numbers and the checksum are filled in.
  ///   - file: the empty file.
  /// - Throws: ``SystemError``, and what `tokens` throws.
  static func write(_ tokens: MergedEntries, _ header: SnapshotHeader, to file: FileHandle) throws {
    var (tokens, header) = (tokens, header)
    var (block, piece, fences): ([TokenIDHash], [UInt8], [UInt8]) = ([], [], [])
    var offset = SnapshotHeader.blockSize
    func flush() throws {
      try file.writeAll(piece, at: offset)
      offset += piece.count
      piece.removeAll(keepingCapacity: true)
    }
    func endBlock() throws {
      guard let first = block.first else { return }
      fences.add(first)
      piece += SnapshotBlock.bytes(block, number: header.blocks)
      header.blocks += 1
      header.count += block.count
      block.removeAll(keepingCapacity: true)
      if piece.count >= pieceSize { try flush() }
    }
    var last: TokenIDHash?
    while let entry = try tokens.next() {
      if entry.key == last { continue }
      last = entry.key
      block.append(entry.key)
      if block.count == SnapshotBlock.capacity { try endBlock() }
    }
    try endBlock()
    header.fencesChecksum = CRC32C.checksum(fences[...])
    piece += fences
    try flush()
    try file.writeAll(header.bytes, at: 0)
    try file.synchronize()
  }
}
