import POSIX

/// A place between two lines of a file. Clients get it as a text and come back with it.
///
/// The cursor names the file by its inode, which stays the same when the file is renamed. The system reuses
/// the inode after the file is removed, so the cursor also holds a checksum of the 4 KiB before the place.
struct FileCursor: Equatable {
  private static let checkedSize = 4096

  let inode: UInt
  /// The offset of the place, 0 or more. Bytes.
  let offset: Int
  /// CRC-32C of up to 4 KiB before the place.
  let checksum: UInt32

  init(inode: UInt, offset: Int, checksum: UInt32) {
    self.inode = inode
    self.offset = offset
    self.checksum = checksum
  }

  /// The cursor of an offset, which is the beginning of a line or the end of the file.
  /// - Throws: ``SystemError``.
  init(_ handle: FileHandle, offset: Int) throws(SystemError) {
    inode = try handle.status().identity.inode
    self.offset = offset
    let start = max(0, offset - Self.checkedSize)
    checksum = CRC32C.checksum(try handle.read(count: offset - start, at: start)[...])
  }

  /// Reads a cursor from a text. Nil if the text isn't a cursor.
  init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let inode = UInt(parts[0], radix: 16),
      let offset = UInt(parts[1], radix: 16), offset <= UInt(Int.max),
      let checksum = UInt32(parts[2], radix: 16)
    else { return nil }
    self.inode = inode
    self.offset = Int(offset)
    self.checksum = checksum
  }

  var text: String {
    "\(String(inode, radix: 16)).\(String(offset, radix: 16)).\(String(checksum, radix: 16))"
  }

  /// Whether this is a place in a file.
  /// - Throws: ``SystemError``.
  func isIn(_ handle: FileHandle) throws(SystemError) -> Bool {
    let status = try handle.status()
    guard status.identity.inode == inode, offset <= status.size else { return false }
    return try FileCursor(handle, offset: offset) == self
  }
}
