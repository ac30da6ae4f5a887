import POSIX

/// The header of an index, which names the file and the part of it that the index covers.
struct MintIndexHeader: Equatable {
  /// How many bytes from the beginning of the file of mints are covered. They are whole lines.
  let covered: Int
  /// The modification time of an archive, which the index covers completely. Nanoseconds since 1970; 0 for a
  /// file that grows.
  let modified: Int
  /// Blocks have 2 to this power bytes. A line belongs to the block of its first byte.
  let blockShift: Int
  /// How many entries the index has.
  let entries: Int
  /// The checksum of the file's first 256 covered bytes.
  let first: UInt32
  /// The checksum of the file's last 256 covered bytes.
  let last: UInt32
  /// The checksum of the first keys of the pages.
  let fences: UInt32

  /// The size of the header. Bytes.
  static let width = 52
  private static let mark = Array("mintidx1".utf8)
  /// How much of the file is compared at either end. Bytes.
  private static let comparedSize = 256
  /// The block shift of all files below 4 GiB.
  private static let smallestShift = 16

  /// The header of an index of a file as it is now.
  /// - Throws: ``SystemError``.
  init(covered: Int, of handle: FileHandle, modified: Int, entries: Int, fences: [UInt8]) throws(SystemError)
  {
    self.covered = covered
    self.modified = modified
    self.entries = entries
    blockShift = Self.blockShift(of: covered)
    first = try Self.checksum(of: handle, at: 0, count: min(covered, Self.comparedSize))
    let count = min(covered, Self.comparedSize)
    last = try Self.checksum(of: handle, at: covered - count, count: count)
    self.fences = CRC32C.checksum(fences[...])
  }

  /// Reads a header. Nil if the bytes aren't one.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.width, bytes.starts(with: Self.mark),
      CRC32C.checksum(bytes.dropLast(4)) == UInt32(littleEndian: bytes.load(at: 48)),
      let covered = Int(exactly: UInt64(littleEndian: bytes.load(at: 8))),
      let modified = Int(exactly: UInt64(littleEndian: bytes.load(at: 16)))
    else { return nil }
    self.covered = covered
    self.modified = modified
    blockShift = Int(UInt32(littleEndian: bytes.load(at: 24)))
    entries = Int(UInt32(littleEndian: bytes.load(at: 28)))
    first = UInt32(littleEndian: bytes.load(at: 32))
    last = UInt32(littleEndian: bytes.load(at: 36))
    fences = UInt32(littleEndian: bytes.load(at: 40))
  }

  var bytes: [UInt8] {
    var bytes = Self.mark
    bytes.append(UInt64(covered).littleEndian)
    bytes.append(UInt64(modified).littleEndian)
    for value in [UInt32(blockShift), UInt32(entries), first, last, fences, 0] {
      bytes.append(value.littleEndian)
    }
    bytes.append(CRC32C.checksum(bytes[...]).littleEndian)
    return bytes
  }

  /// The block size for which 65,536 blocks cover the file: 64 KiB for files below 4 GiB.
  static func blockShift(of size: Int) -> Int {
    var shift = smallestShift
    while size >> shift >= 1 << 16 { shift += 1 }
    return shift
  }

  /// Whether the header fits a file as it is now.
  /// - Throws: ``SystemError``.
  func isAbout(_ handle: FileHandle) throws(SystemError) -> Bool {
    let status = try handle.status()
    guard covered <= status.size, modified == 0 || modified == max(1, status.modified)
    else { return false }
    let count = min(covered, Self.comparedSize)
    guard try Self.checksum(of: handle, at: 0, count: count) == first else { return false }
    return try Self.checksum(of: handle, at: covered - count, count: count) == last
  }

  private static func checksum(
    of handle: FileHandle, at offset: Int, count: Int
  ) throws(SystemError) -> UInt32 {
    CRC32C.checksum(try handle.read(count: count, at: offset)[...])
  }
}

extension [UInt8] {
  /// The number at an offset, in the byte order of memory.
  func load<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Number {
    withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }

  /// Appends a number in the byte order of memory.
  mutating func append<Number: FixedWidthInteger>(_ number: Number) {
    Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
  }
}
