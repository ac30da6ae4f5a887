import POSIX

/// The first block of a ``RevocationSnapshot``.
///
/// | offset | content |
/// |---|---|
/// | 0 | `picorevs` |
/// | 8 | format, 4 bytes; size of a block, 4 bytes |
/// | 16 | the log and how much of it is covered, a place |
/// | 40 | number of tokens, 8 bytes; number of blocks, 8 bytes; bytes of the log whose records need no expiry, 8 bytes |
/// | 64 | CRC-32C of the fences, 4 bytes; number of ancestors, 4 bytes |
/// | 72 | ancestors, up to 16 places |
/// | 4092 | CRC-32C of everything before, 4 bytes |
///
/// A place has 24 bytes: the file's inode, 8; the offset, 8; the CRC-32C of the bytes before the offset, 4;
/// zeros, 4. All numbers are little-endian.
struct SnapshotHeader: Equatable {
  static let blockSize = 4096
  static let maximumAncestors = 16
  private static let magic = Array("picorevs".utf8)
  private static let format = 1

  /// The end of the covered part of the log.
  let log: FileCursor
  /// The number of tokens.
  var count = 0
  /// The number of blocks.
  var blocks = 0
  /// Before this offset, every record of the log has an `exp`, or the mint audit had none for it. Bytes.
  let dated: Int
  /// CRC-32C of the fences.
  var fencesChecksum: UInt32 = 0
  /// The ends of the logs from which this one was compacted, the latest first.
  let ancestors: [FileCursor]

  init(log: FileCursor, dated: Int, ancestors: [FileCursor]) {
    self.log = log
    self.dated = dated
    self.ancestors = Array(ancestors.prefix(Self.maximumAncestors))
  }

  /// Reads a header. Nil if it isn't what was written.
  init?(_ block: [UInt8]) {
    guard block.count == Self.blockSize, block.starts(with: Self.magic),
      block.number(at: Self.blockSize - 4, size: 4) == Int(CRC32C.checksum(block.dropLast(4))),
      block.number(at: 8, size: 4) == Self.format, block.number(at: 12, size: 4) == Self.blockSize
    else { return nil }
    let numbers = (0..<3).map { block.number(at: 40 + 8 * $0, size: 8) }
    let ancestors = block.number(at: 68, size: 4)
    guard numbers.allSatisfy({ $0 >= 0 }), ancestors <= Self.maximumAncestors else { return nil }
    func place(at offset: Int) -> FileCursor {
      FileCursor(
        inode: UInt(bitPattern: block.number(at: offset, size: 8)),
        offset: block.number(at: offset + 8, size: 8),
        checksum: UInt32(block.number(at: offset + 16, size: 4)))
    }
    log = place(at: 16)
    count = numbers[0]
    blocks = numbers[1]
    dated = numbers[2]
    fencesChecksum = UInt32(block.number(at: 64, size: 4))
    self.ancestors = (0..<ancestors).map { place(at: 72 + 24 * $0) }
    guard log.offset >= 0, self.ancestors.allSatisfy({ $0.offset >= 0 }) else { return nil }
  }

  var bytes: [UInt8] {
    var bytes = Self.magic
    func add(_ number: Int, size: Int) {
      for position in 0..<size { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * position))) }
    }
    func add(_ place: FileCursor) {
      add(Int(bitPattern: place.inode), size: 8)
      add(place.offset, size: 8)
      add(Int(place.checksum), size: 8)
    }
    add(Self.format, size: 4)
    add(Self.blockSize, size: 4)
    add(log)
    for number in [count, blocks, dated] { add(number, size: 8) }
    add(Int(fencesChecksum), size: 4)
    add(ancestors.count, size: 4)
    for place in ancestors { add(place) }
    bytes += [UInt8](repeating: 0, count: Self.blockSize - 4 - bytes.count)
    add(Int(CRC32C.checksum(bytes[...])), size: 4)
    return bytes
  }
}

extension [UInt8] {
  /// The little-endian number of `size` bytes at an offset.
  func number(at offset: Int, size: Int) -> Int {
    (0..<size).reduce(0) { $0 | Int(self[offset + $1]) << (8 * $1) }
  }
}
