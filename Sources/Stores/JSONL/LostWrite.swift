import POSIX

/// Tells what a power cut left of an append that nobody was answered for from damage to what was promised.
///
/// Blocks that weren't flushed reach the disk in any subset. Where one didn't, the file reads as NULs up to the end of a
/// 512-byte sector, or to the end of the file, which may have grown all the same. Records hold no NUL. So a damaged line
/// is *torn*, and was never promised, where both hold:
///
/// 1. It holds a NUL right before a multiple of 512 or at the end of the file, or consists of NULs.
/// 2. It begins at or behind the offset that the file's attribute ``durable`` gives: all before it was flushed. Without
///    the attribute, as in a copy, only the last 64 MiB may not have been.
///
/// A torn line is passed over by readers, and cut off or blanked by the next writer. Any other damaged line is an alarm.
/// Whole records behind a torn line are kept: nobody needs to know whether they were promised.
enum LostWrite {
  /// The smallest unit a disk writes. Bytes.
  private static let sectorSize = 512
  private static let chunkSize = 1 << 16

  /// How many bytes of the file were on the disk when this was last noted, in decimal. It is set after a flush, at
  /// most once a second, and not flushed itself: it may be too small, and never too large.
  private static let durable = "pico-auth.durable"

  /// More than a kernel holds back of a log that answers wait for. Bytes.
  static let longestTail = 64 << 20

  /// The bytes that are known to be on the disk; nil where nobody noted it.
  static func durableSize(of handle: FileHandle) -> Int? {
    handle.attribute(durable).flatMap { Int($0) }
  }

  /// Notes how many bytes are on the disk. Does nothing where the file system has no attributes.
  static func noteDurableSize(_ size: Int, of handle: FileHandle) {
    try? handle.setAttribute(durable, "\(size)")
  }

  /// Whether a damaged line is torn.
  /// - Parameters:
  ///   - start: bytes from the beginning of the file to the line.
  ///   - end: to its newline, or the end of the file.
  /// - Throws: ``SystemError``.
  static func tore(_ handle: FileHandle, from start: Int, to end: Int) throws(SystemError) -> Bool {
    let size = try handle.status().size
    guard start >= durableSize(of: handle) ?? (size - longestTail) else { return false }
    var offset = start
    while offset < end {
      // Chunks that end where sectors do.
      let chunk = try handle.read(
        count: min(end, (offset / chunkSize + 1) * chunkSize) - offset, at: offset)
      guard !chunk.isEmpty else { return false }
      var boundary = (offset / sectorSize + 1) * sectorSize
      while boundary <= offset + chunk.count {
        if chunk[boundary - 1 - offset] == 0 { return true }
        boundary += sectorSize
      }
      if offset + chunk.count == size, chunk.last == 0 { return true }
      // A longer one holds the end of a sector.
      if end - start < sectorSize, chunk.allSatisfy({ $0 == 0 }) { return true }
      offset += chunk.count
    }
    return false
  }
}
