import POSIX
import Wire

/// The first line of a file of challenges.
struct ChallengeFileHeader {
  /// The number of the file, counted from 1. A challenge names its record by this number and an index.
  let generation: UInt64
  /// The key with which positions in challenges are masked. 32 bytes, the same in every generation of a boot.
  let maskKey: [UInt8]
  /// The ``BootID`` of the boot in which the file was written, or ``unknownBoot``. Nil in version 1, which
  /// has none.
  let boot: String?

  /// Stands for a boot that the writer couldn't determine.
  static let unknownBoot = "00000000-0000-0000-0000-000000000000"

  private static let beginning = Array(#"{"file":"challenges","version":"#.utf8)
  private static let beforeGeneration = beginning + Array(#"2,"generation":""#.utf8)
  private static let beforeGenerationEarlier = beginning + Array(#"1,"generation":""#.utf8)
  private static let beforeMask = Array(#"","mask":""#.utf8)
  private static let beforeBoot = Array(#"","boot":""#.utf8)
  private static let beforeUsed = Array(#"","used":""#.utf8)
  private static let end = Array("\"}\n".utf8)

  /// The offset of the number of used records, 16 hex digits. Bytes.
  static let usedOffset = width - end.count - 16
  /// The width of a header of version 2. Bytes.
  static let width = earlierWidth + beforeBoot.count + BootID.width
  /// The width of a header of version 1. Bytes.
  static let earlierWidth =
    beforeGeneration.count + 16 + beforeMask.count + 64 + beforeUsed.count + 16 + end.count

  /// The header of a file without records.
  init(generation: UInt64, maskKey: [UInt8], boot: String) {
    self.generation = generation
    self.maskKey = maskKey
    self.boot = boot
  }

  /// Reads a header of either version. Nil unless every byte is as expected.
  init?(_ bytes: [UInt8]) {
    let isEarlier = bytes.count == Self.earlierWidth
    var rest = bytes[...]
    guard rest.take(isEarlier ? Self.beforeGenerationEarlier : Self.beforeGeneration),
      let generation = UInt64(rest.take(16), radix: 16),
      rest.take(Self.beforeMask), let maskKey = Hex.decode(rest.take(64)), maskKey.count == 32
    else { return nil }
    var boot: String?
    if !isEarlier {
      guard rest.take(Self.beforeBoot) else { return nil }
      boot = rest.take(BootID.width)
    }
    guard rest.take(Self.beforeUsed), UInt64(rest.take(16), radix: 16) != nil, rest.take(Self.end),
      rest.isEmpty
    else { return nil }
    self.generation = generation
    self.maskKey = maskKey
    self.boot = boot
  }

  /// Reads the header at the beginning of a file, of either version.
  init?(startOf bytes: [UInt8]) {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    self.init(Array(bytes[...end]))
  }

  /// Whether bytes begin like a header.
  static func isSimilar(_ bytes: [UInt8]) -> Bool { bytes.starts(with: beginning.prefix(8)) }

  /// The header of a file without records.
  var bytes: [UInt8] {
    Self.beforeGeneration + Self.digits(generation) + Self.beforeMask
      + Array(Hex.encode(maskKey).utf8) + Self.beforeBoot + Array((boot ?? Self.unknownBoot).utf8)
      + Self.beforeUsed + Self.digits(0) + Self.end
  }

  /// 16 hex digits.
  static func digits(_ number: UInt64) -> [UInt8] {
    Array(Hex.encode(withUnsafeBytes(of: number.bigEndian, Array.init)).utf8)
  }

  /// The number in 16 hex digits.
  static func number(_ bytes: [UInt8]) -> UInt64? {
    UInt64(String(decoding: bytes, as: UTF8.self), radix: 16)
  }
}
