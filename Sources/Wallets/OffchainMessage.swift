/// The envelope in which wallets, Ledger's above all, sign texts with a Solana key: its first byte can't begin a
/// transaction. Solana's proposal "Off-Chain Message Signing", and sRFC 38 for version 1.
struct OffchainMessage: Equatable {
  /// The keys that must sign, 32 bytes each. Nil for the legacy form, which names none.
  let signers: [[UInt8]]?
  let text: [UInt8]

  static let start: [UInt8] = [0xff] + Array("solana offchain".utf8)
  /// The longest text of a format that hardware wallets show. Bytes.
  private static let longestShown = 1212

  /// Why bytes that begin with ``start`` are no envelope.
  struct Malformed: Error, Equatable { let reason: String }

  /// Reads an envelope.
  /// - Throws: ``Malformed``.
  init(_ bytes: [UInt8]) throws(Malformed) {
    var reader = Reader(rest: bytes[...])
    guard try reader.bytes(Self.start.count) == Self.start else {
      throw Malformed(reason: "no off-chain message")
    }
    switch try reader.byte() {
    case 0:
      // Both layouts of version 0 begin alike. The legacy one has its length in the third and fourth byte from here.
      if var legacy = Optional(reader), let format = try? legacy.byte(), let count = try? legacy.count(),
        format <= 2, count == legacy.rest.count
      {
        (signers, text) = (nil, Array(legacy.rest))
        try Self.check(text, format: format)
      } else {
        // Any application may sign for this site: its domain isn't the site's.
        _ = try reader.bytes(32)
        let format = try reader.byte()
        signers = try reader.signers()
        guard try reader.count() == reader.rest.count else { throw Malformed(reason: "wrong length") }
        text = Array(reader.rest)
        try Self.check(text, format: format)
      }
    case 1:
      signers = try reader.signers()
      text = Array(reader.rest)
    default: throw Malformed(reason: "unknown version")
    }
  }

  /// The envelopes that a wallet may have signed if it gives only a signature: the forms of version 1, then the legacy
  /// ones.
  static func candidates(text: [UInt8], signer: [UInt8]) -> [[UInt8]] {
    let one = start + [1, 1] + signer
    let count = [UInt8(truncatingIfNeeded: text.count), UInt8(truncatingIfNeeded: text.count >> 8)]
    guard text.count <= 0xffff else { return [one + text] }
    return [one + text, one + count + text, start + [0, 0] + count + text, start + [0, 1] + count + text]
  }

  /// Formats 0 and 1 are for texts that hardware wallets show; 0 is for ASCII. Wallets take line feeds as ASCII.
  private static func check(_ text: [UInt8], format: UInt8) throws(Malformed) {
    guard format <= 2 else { throw Malformed(reason: "unknown format") }
    if format < 2, text.count > longestShown { throw Malformed(reason: "text too long for its format") }
    if format == 0, !text.allSatisfy({ (0x20...0x7e).contains($0) || $0 == UInt8(ascii: "\n") }) {
      throw Malformed(reason: "text not ASCII")
    }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func bytes(_ count: Int) throws(Malformed) -> [UInt8] {
      guard rest.count >= count else { throw Malformed(reason: "too short") }
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }

    mutating func byte() throws(Malformed) -> UInt8 { try bytes(1)[0] }

    /// A length of two bytes, little-endian.
    mutating func count() throws(Malformed) -> Int {
      let bytes = try bytes(2)
      return Int(bytes[0]) | Int(bytes[1]) << 8
    }

    mutating func signers() throws(Malformed) -> [[UInt8]] {
      let count = try byte()
      guard count > 0 else { throw Malformed(reason: "no signer") }
      var signers: [[UInt8]] = []
      for _ in 0..<count { signers.append(try bytes(32)) }
      return signers
    }
  }
}
