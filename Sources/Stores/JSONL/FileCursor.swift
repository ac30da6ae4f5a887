import POSIX

/// A place between two lines of a file, as clients are given it to come back with.
///
/// The file is named by its inode, which stays the same when it is renamed but is used again once it is removed;
/// so the cursor also tells a checksum of what stands before the place.
struct FileCursor: Equatable {
  private static let checkedSize = 4096

  let inode: UInt
  /// Bytes from the beginning, not negative.
  let offset: Int
  let checksum: UInt32

  init(inode: UInt, offset: Int, checksum: UInt32) {
    self.inode = inode
    self.offset = offset
    self.checksum = checksum
  }

  /// The cursor for an offset at which a line begins, or the end.
  init(_ handle: FileHandle, offset: Int) throws(SystemError) {
    inode = try handle.status().identity.inode
    self.offset = offset
    let start = max(0, offset - Self.checkedSize)
    checksum = CRC32C.checksum(try handle.read(count: offset - start, at: start)[...])
  }

  /// Reads a cursor; nil where it is none of ours.
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

  /// Whether this is a place in that file.
  func isIn(_ handle: FileHandle) throws(SystemError) -> Bool {
    let status = try handle.status()
    guard status.identity.inode == inode, offset <= status.size else { return false }
    return try FileCursor(handle, offset: offset) == self
  }
}
