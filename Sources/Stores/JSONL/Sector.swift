import Glibc
import POSIX

/// 512 bytes of a binary file, with a CRC-32C in the first four. Numbers are little-endian.
///
/// A disk writes a sector whole or not at all. So after a power loss, a sector that was overwritten in place
/// is the old one or the new one.
struct Sector {
  /// Bytes.
  static let size = 512
  /// The offset of the first byte after the checksum.
  static let start = 4

  /// What stands at a place in a file.
  enum Content {
    case sector(Sector)
    /// NULs, or the end of the file: nothing was ever written there, or it is gone.
    case nothing
    case damaged
  }

  private(set) var bytes: [UInt8]

  /// A sector of NULs, without its checksum.
  init() { bytes = [UInt8](repeating: 0, count: Self.size) }

  /// Reads a sector. Nil if the checksum doesn't match.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.size,
      bytes.withUnsafeBytes({ UInt32(littleEndian: $0.loadUnaligned(as: UInt32.self)) })
        == CRC32C.checksum(bytes[Self.start...])
    else { return nil }
    self.bytes = bytes
  }

  /// Reads what stands at an offset.
  /// - Throws: ``SystemError``; ``WouldWait`` if the sector isn't in memory and this thread may not wait.
  static func content(of handle: FileHandle, at offset: Int) throws -> Content {
    let bytes: [UInt8]
    if Waiting.isAllowed {
      bytes = try handle.read(count: size, at: offset)
    } else if let cached = try handle.readCached(count: size, at: offset) {
      bytes = cached
    } else {
      throw WouldWait()
    }
    return content(bytes)
  }

  /// Tells a sector from nothing and from damage.
  static func content(_ bytes: [UInt8]) -> Content {
    if let sector = Sector(bytes) { return .sector(sector) }
    return bytes.count < size || bytes.allSatisfy { $0 == 0 } ? .nothing : .damaged
  }

  /// Writes the sector with its checksum, whole or not at all.
  /// - Throws: ``SystemError``.
  mutating func write(to handle: FileHandle, at offset: Int) throws(SystemError) {
    seal()
    guard try handle.write(bytes, at: offset) == Self.size else {
      throw SystemError(call: "write", code: ENOSPC)
    }
  }

  /// Computes the checksum.
  mutating func seal() {
    let checksum = CRC32C.checksum(bytes[Self.start...])
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: checksum.littleEndian, as: UInt32.self) }
  }

  subscript(byte offset: Int) -> UInt8 {
    get { bytes[offset] }
    set { bytes[offset] = newValue }
  }

  /// The number of eight bytes at an offset.
  subscript(integer offset: Int) -> Int {
    get {
      Int(
        Int64(
          littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Int64.self) }))
    }
    set {
      bytes.withUnsafeMutableBytes {
        $0.storeBytes(of: Int64(newValue).littleEndian, toByteOffset: offset, as: Int64.self)
      }
    }
  }

  /// The bytes of a range. A new value must have as many.
  subscript(range: Range<Int>) -> [UInt8] {
    get { Array(bytes[range]) }
    set { bytes.replaceSubrange(range, with: newValue) }
  }

  /// Whether the bytes of a range are these.
  func holds(_ other: [UInt8], at offset: Int) -> Bool {
    bytes[offset..<offset + other.count].elementsEqual(other)
  }

  /// Writes a text of at most 255 bytes behind its length.
  /// - Returns: the offset behind it.
  @discardableResult
  mutating func put(_ text: some Collection<UInt8>, at offset: Int) -> Int {
    bytes[offset] = UInt8(text.count)
    let end = offset + 1 + text.count
    bytes.replaceSubrange(offset + 1..<end, with: text)
    return end
  }

  /// Reads a text behind its length.
  /// - Returns: the text, and the offset behind it. The text is cut at the sector's end.
  func text(at offset: Int) -> (ArraySlice<UInt8>, end: Int) {
    let end = min(offset + 1 + Int(bytes[offset]), Self.size)
    return (bytes[offset + 1..<end], end)
  }
}

/// A sector or a text isn't what was written.
struct DamagedSector: Error {}
