/// A block of a ``RevocationSnapshot``: up to 255 tokens in order.
///
/// | offset | content |
/// |---|---|
/// | 0 | the tokens, 16 bytes each; zeros after the last |
/// | 4080 | the number of tokens, 4 bytes; the block's number, 8 bytes |
/// | 4092 | CRC-32C of everything before, 4 bytes |
///
/// The block's number reveals a block that was written to the wrong place.
struct SnapshotBlock {
  /// The most tokens that a block holds.
  static let capacity = 255
  private static let size = SnapshotHeader.blockSize

  private let bytes: [UInt8]
  private let count: Int

  /// Reads a block. Nil if it isn't what was written.
  init?(_ bytes: [UInt8], number: Int) {
    guard bytes.count == Self.size,
      bytes.number(at: Self.size - 4, size: 4) == Int(CRC32C.checksum(bytes.dropLast(4))),
      bytes.number(at: 4084, size: 8) == number
    else { return nil }
    count = bytes.number(at: 4080, size: 4)
    guard 1...Self.capacity ~= count else { return nil }
    self.bytes = bytes
  }

  /// The bytes of a block.
  /// - Parameter tokens: 1 to ``capacity`` tokens in order.
  static func bytes(_ tokens: [TokenIDHash], number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    for token in tokens { bytes.add(token) }
    bytes += [UInt8](repeating: 0, count: 16 * (capacity - tokens.count))
    bytes.add(UInt64(tokens.count), size: 4)
    bytes.add(UInt64(number), size: 8)
    bytes.add(UInt64(CRC32C.checksum(bytes[...])), size: 4)
    return bytes
  }

  /// The tokens in order.
  var tokens: [TokenIDHash] { (0..<count).map { bytes.token(at: 16 * $0) } }

  func contains(_ token: TokenIDHash) -> Bool {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      let other = bytes.token(at: 16 * middle)
      if other == token { return true }
      if other < token { low = middle + 1 } else { high = middle }
    }
    return false
  }
}

extension [UInt8] {
  mutating func add(_ number: UInt64, size: Int) {
    for position in 0..<size { append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(position)))) }
  }

  mutating func add(_ token: TokenIDHash) {
    add(token.high, size: 8)
    add(token.low, size: 8)
  }

  /// The token at an offset.
  func token(at offset: Int) -> TokenIDHash {
    withUnsafeBytes {
      TokenIDHash(
        high: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
        low: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
    }
  }
}
