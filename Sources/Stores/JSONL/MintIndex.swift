import POSIX

/// The index of a file of mints, `<file>.index`. It tells which blocks of the file may hold a mint of a
/// token, a subject or a session.
///
/// After the header come the first keys of the pages (the fences), and then the pages. A page is a checksum
/// and 682 sorted entries. An entry is a key of 32 bits and the number of a block. A look-up reads the
/// header, 4 bytes per page, and a page or two: about 10 KiB for 64 MiB of mints. Bloom filters are smaller,
/// but a search must read all of them, or one bit of each block in a dozen places.
///
/// No answer depends on an index. If it is missing, damaged or belongs to another file, the file is read.
struct MintIndex {
  static let pageSize = 4096
  private static let entrySize = 6
  static let entriesPerPage = (pageSize - 4) / entrySize

  let header: MintIndexHeader
  private let handle: FileHandle
  private let fences: [UInt8]

  /// A page of the index isn't what was written.
  struct Damaged: Error {}

  /// The path of a file's index.
  static func path(of file: String) -> String { "\(file).index" }

  /// Opens the index of a file. Nil if there is none, or if it doesn't fit the file as it is now.
  /// - Throws: ``SystemError`` if the file itself can't be read.
  init?(of path: String, _ file: FileHandle) throws(SystemError) {
    guard let handle = try? SharedFiles.open(Self.path(of: path), flags: .read),
      let start = try? handle.read(count: MintIndexHeader.width, at: 0),
      let header = MintIndexHeader(start), try header.isAbout(file),
      let fences = try? handle.read(
        count: Self.pageCount(entries: header.entries) * 4, at: MintIndexHeader.width),
      CRC32C.checksum(fences[...]) == header.fences
    else { return nil }
    self.header = header
    self.handle = handle
    self.fences = fences
  }

  private static func pageCount(entries: Int) -> Int { (entries + entriesPerPage - 1) / entriesPerPage }

  /// The bytes of sorted entries after the header: the fences and the pages.
  static func encode(_ entries: [MintIndexEntry]) -> (fences: [UInt8], pages: [UInt8]) {
    var fences: [UInt8] = []
    var pages: [UInt8] = []
    pages.reserveCapacity((pageCount(entries: entries.count)) * pageSize)
    for start in stride(from: 0, to: entries.count, by: entriesPerPage) {
      var page: [UInt8] = []
      page.reserveCapacity(pageSize)
      for entry in entries[start...].prefix(entriesPerPage) {
        page.append(entry.key.littleEndian)
        page.append(entry.block.littleEndian)
      }
      page += [UInt8](repeating: 0, count: pageSize - 4 - page.count)
      fences.append(entries[start].key.littleEndian)
      pages.append(CRC32C.checksum(page[...]).littleEndian)
      pages += page
    }
    return (fences, pages)
  }

  /// All entries, sorted.
  /// - Throws: ``Damaged``, ``SystemError``.
  func entries() throws -> [MintIndexEntry] {
    try (0..<fences.count / 4).flatMap(page)
  }

  /// The numbers of the blocks that may hold a mint with a key.
  /// - Throws: ``Damaged``, ``SystemError``.
  func blocks(of key: UInt32) throws -> Set<UInt16> {
    var blocks: Set<UInt16> = []
    // The last page that begins with a smaller key may end with this one.
    var low = 0
    var high = fences.count / 4
    while low < high {
      let middle = (low + high) / 2
      if fence(middle) < key { low = middle + 1 } else { high = middle }
    }
    for number in max(0, low - 1)..<fences.count / 4 where number < low || fence(number) == key {
      for entry in try page(number) where entry.key == key { blocks.insert(entry.block) }
    }
    return blocks
  }

  private func fence(_ page: Int) -> UInt32 { UInt32(littleEndian: fences.load(at: page * 4)) }

  private func page(_ number: Int) throws -> [MintIndexEntry] {
    let bytes = try handle.read(
      count: Self.pageSize, at: MintIndexHeader.width + fences.count + number * Self.pageSize)
    guard bytes.count == Self.pageSize,
      CRC32C.checksum(bytes[4...]) == UInt32(littleEndian: bytes.load(at: 0))
    else { throw Damaged() }
    return (0..<min(Self.entriesPerPage, header.entries - number * Self.entriesPerPage)).map { index in
      let offset = 4 + index * Self.entrySize
      return MintIndexEntry(
        key: UInt32(littleEndian: bytes.load(at: offset)),
        block: UInt16(littleEndian: bytes.load(at: offset + 4)))
    }
  }
}

/// The fact that a key occurs in a block.
struct MintIndexEntry: Comparable {
  /// Key and block in one number, because a build sorts some 600,000 entries.
  private let number: UInt64

  init(key: UInt32, block: UInt16) { number = UInt64(key) << 16 | UInt64(block) }

  var key: UInt32 { UInt32(truncatingIfNeeded: number >> 16) }
  var block: UInt16 { UInt16(truncatingIfNeeded: number) }

  static func < (one: MintIndexEntry, other: MintIndexEntry) -> Bool { one.number < other.number }
}
