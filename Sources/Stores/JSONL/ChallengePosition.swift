import Crypto

/// The place of a challenge's record, which the challenge itself holds. A challenge has 24 random bytes and 8
/// bytes of position. A keyed hash of the random bytes masks the position, so that a client learns nothing
/// from it.
struct ChallengePosition: Equatable {
  static let randomSize = 24

  /// The file's generation, modulo 2^24. At most two generations exist at any time.
  let generation: UInt64
  /// The record's index in the file, below 2^40.
  let index: Int

  init(generation: UInt64, index: Int) {
    self.generation = generation & 0xff_ffff
    self.index = index
  }

  /// The 32 bytes of the challenge.
  func challenge(random: [UInt8], maskKey: [UInt8]) -> [UInt8] {
    let position = generation << 40 | UInt64(index)
    let masked = position ^ Self.mask(random, maskKey)
    return random + withUnsafeBytes(of: masked.bigEndian, Array.init)
  }

  /// Reads the position out of the 32 bytes of a challenge.
  init(challenge: [UInt8], maskKey: [UInt8]) {
    let masked = challenge[Self.randomSize...].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let position = masked ^ Self.mask(Array(challenge[..<Self.randomSize]), maskKey)
    self.init(generation: position >> 40, index: Int(position & 0xff_ffff_ffff))
  }

  /// The first 8 bytes of SHA-256 over key and text. HMAC isn't needed: both inputs have fixed lengths and
  /// most of the hash stays secret, so its length can't be extended. HMAC takes four times as long, under the
  /// lock.
  private static func mask(_ random: [UInt8], _ key: [UInt8]) -> UInt64 {
    let digest = (key + random).withUnsafeBytes { SHA256.hash(data: $0) }
    return digest.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
  }
}
