import POSIX

/// Builds the index of a file of mints, or extends it by what the file has grown.
struct MintIndexBuilder {
  private static let chunkSize = 1 << 20

  private let file: FileHandle
  private let end: Int
  private let isArchive: Bool
  private let status: FileStatus
  private var entries: [MintIndexEntry]
  /// The offset of the next line. Bytes.
  private var covered: Int
  private let blockShift: Int

  /// - Parameters:
  ///   - index: the index to extend; nil to read the whole file.
  ///   - isArchive: whether the file no longer changes.
  /// - Throws: ``SystemError``.
  init(_ file: FileHandle, extending index: MintIndex?, isArchive: Bool) throws(SystemError) {
    self.file = file
    self.isArchive = isArchive
    status = try file.status()
    end = status.size
    blockShift = MintIndexHeader.blockShift(of: end)
    if let index, index.header.blockShift == blockShift, let known = try? index.entries() {
      entries = known
      covered = index.header.covered
    } else {
      entries = []
      covered = 0
    }
  }

  /// Reads the file and returns the bytes of its index.
  /// - Throws: ``SystemError``.
  mutating func build() throws(SystemError) -> [UInt8] {
    try readLines()
    // A block that holds a key several times gets one entry for it.
    entries.sort()
    var unique: [MintIndexEntry] = []
    unique.reserveCapacity(entries.count)
    for entry in entries where unique.last != entry { unique.append(entry) }
    let (fences, pages) = MintIndex.encode(unique)
    let header = try MintIndexHeader(
      covered: covered, of: file, modified: isArchive ? max(1, status.modified) : 0, entries: unique.count,
      fences: fences)
    return header.bytes + fences + pages
  }

  private mutating func readLines() throws(SystemError) {
    var position = covered
    var rest: [UInt8] = []
    var isTooLong = false
    while position < end {
      let chunk = rest + (try file.read(count: min(Self.chunkSize, end - position), at: position))
      // Another program cut the file meanwhile.
      if chunk.count == rest.count { return }
      position += chunk.count - rest.count
      var start = 0
      while let newline = chunk.firstIndex(of: [UInt8(ascii: "\n")], from: start) {
        if !isTooLong { add(chunk[start..<newline]) }
        isTooLong = false
        start = newline + 1
        covered = position - chunk.count + start
      }
      rest = Array(chunk[start...])
      if rest.count > BackwardLines.maximumLine {
        // It is too long for a record, so no look-up needs it.
        rest = []
        isTooLong = true
      }
    }
  }

  private mutating func add(_ line: ArraySlice<UInt8>) {
    guard let mint = (try? RecordLine.object(line)).flatMap({ Mint($0) }) else { return }
    let block = UInt16(truncatingIfNeeded: covered >> blockShift)
    for key in MintKey.all(of: mint) { entries.append(MintIndexEntry(key: key, block: block)) }
  }
}
