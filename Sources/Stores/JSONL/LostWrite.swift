import POSIX

/// Tells a torn record, which a power loss left of an append that pico-auth never answered, from damage to a
/// record that it did answer.
///
/// After a power loss, the disk has any subset of the blocks that weren't flushed. A missing block reads as
/// NULs up to the end of a 512-byte sector, or to the end of the file, which may have grown all the same.
/// Records hold no NUL. So a damaged line is *torn*, and was never answered, if both are true:
///
/// 1. It holds a NUL right before a multiple of 512 or at the end of the file, or consists of NULs.
/// 2. It begins at or after the offset in the file's attribute ``durable``: everything before that was
///    flushed. Without the attribute, as in a copy, it must begin in the last 64 MiB.
///
/// Readers skip a torn line, and the next writer cuts it off or blanks it. Any other damaged line raises an
/// alarm. Whole records after a torn line are kept, whether they were answered or not.
enum LostWrite {
  /// The smallest unit that a disk writes. Bytes.
  private static let sectorSize = 512
  private static let chunkSize = 1 << 16

  /// The extended attribute that holds how many bytes of the file are on the disk, in decimal. It is set
  /// after a flush, at most once a second, and isn't flushed itself. So it may be too small, and is never too
  /// large. xattr(7).
  private static let durable = "pico-auth.durable"

  /// The kernel never holds back more than this of a log whose answers wait for it. Bytes.
  static let longestTail = 64 << 20

  /// How many bytes are known to be on the disk; nil if nobody noted it.
  static func durableSize(of handle: FileHandle) -> Int? {
    handle.attribute(durable).flatMap { Int($0) }
  }

  /// Notes how many bytes are on the disk. Does nothing if the file system has no attributes.
  static func noteDurableSize(_ size: Int, of handle: FileHandle) {
    try? handle.setAttribute(durable, "\(size)")
  }

  /// Whether a damaged line is torn.
  /// - Parameters:
  ///   - start: the offset of the line in the file. Bytes.
  ///   - end: the offset of its newline, or of the end of the file. Bytes.
  /// - Throws: ``SystemError``.
  static func isTorn(_ handle: FileHandle, from start: Int, to end: Int) throws(SystemError) -> Bool {
    let size = try handle.status().size
    guard start >= durableSize(of: handle) ?? (size - longestTail) else { return false }
    var offset = start
    while offset < end {
      // Chunks end where sectors end.
      let chunk = try handle.read(
        count: min(end, (offset / chunkSize + 1) * chunkSize) - offset, at: offset)
      guard !chunk.isEmpty else { return false }
      var boundary = (offset / sectorSize + 1) * sectorSize
      while boundary <= offset + chunk.count {
        if chunk[boundary - 1 - offset] == 0 { return true }
        boundary += sectorSize
      }
      if offset + chunk.count == size, chunk.last == 0 { return true }
      // A longer line always contains the end of a sector.
      if end - start < sectorSize, chunk.allSatisfy({ $0 == 0 }) { return true }
      offset += chunk.count
    }
    return false
  }
}
