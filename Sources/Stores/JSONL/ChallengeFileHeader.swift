import Wire

/// The first line of a file of challenges.
struct ChallengeFileHeader {
  /// Counts the files from 1: where a challenge's record stands is told by this number and an index.
  let generation: UInt64
  /// What positions in challenges are masked with. 32 bytes, the same in every generation.
  let maskKey: [UInt8]

  private static let beforeGeneration = Array(#"{"file":"challenges","version":1,"generation":""#.utf8)
  private static let beforeMask = Array(#"","mask":""#.utf8)
  private static let beforeUsed = Array(#"","used":""#.utf8)
  private static let end = Array("\"}\n".utf8)

  /// Bytes from the beginning of the file to the number of records used up, 16 hex digits.
  static let usedOffset =
    beforeGeneration.count + 16 + beforeMask.count + 64 + beforeUsed.count
  /// Bytes the header takes.
  static let width = usedOffset + 16 + end.count

  init(generation: UInt64, maskKey: [UInt8]) {
    self.generation = generation
    self.maskKey = maskKey
  }

  /// Reads a header; nil for anything that isn't one.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.width, bytes.starts(with: Self.beforeGeneration),
      let generation = Self.number(bytes, at: Self.beforeGeneration.count),
      let maskKey = Hex.decode(
        String(decoding: bytes[(Self.usedOffset - Self.beforeUsed.count - 64)...].prefix(64), as: UTF8.self)),
      Self.number(bytes, at: Self.usedOffset) != nil, bytes.suffix(Self.end.count) == Self.end[...]
    else { return nil }
    self.init(generation: generation, maskKey: maskKey)
  }

  /// Whether bytes begin as a header does.
  static func isSimilar(_ bytes: [UInt8]) -> Bool { bytes.starts(with: beforeGeneration.prefix(8)) }

  /// The header of a file without records.
  var bytes: [UInt8] {
    Self.beforeGeneration + Self.digits(generation) + Self.beforeMask
      + Array(Hex.encode(maskKey).utf8) + Self.beforeUsed + Self.digits(0) + Self.end
  }

  /// 16 hex digits.
  static func digits(_ number: UInt64) -> [UInt8] {
    Array(Hex.encode(withUnsafeBytes(of: number.bigEndian, Array.init)).utf8)
  }

  /// The number that 16 hex digits stand for.
  static func number(_ bytes: [UInt8], at offset: Int) -> UInt64? {
    UInt64(String(decoding: bytes[offset...].prefix(16), as: UTF8.self), radix: 16)
  }
}
