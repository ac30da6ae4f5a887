import Crypto

/// Where a challenge's record stands, and how a challenge tells it: 24 random bytes, then 8 bytes of
/// position, masked by a keyed hash of the random ones so that a client learns nothing from them.
struct ChallengePosition: Equatable {
  static let randomSize = 24

  /// Modulo 2^24: at most two generations are alive at any time.
  let generation: UInt64
  /// Below 2^40.
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

  /// The beginning of a hash of key and text. Both have one length, always, and most of the hash stays here: what HMAC
  /// guards against besides can't be done, and it takes four times as long, with the lock held.
  private static func mask(_ random: [UInt8], _ key: [UInt8]) -> UInt64 {
    let digest = (key + random).withUnsafeBytes { SHA256.hash(data: $0) }
    return digest.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
  }
}
