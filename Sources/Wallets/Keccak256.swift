/// Keccak-256 as Ethereum uses it: rate 1088, capacity 512, padding 0x01. SHA3-256 of FIPS 202 has the padding 0x06, so
/// its digests differ. Keccak reference, version 3.0, sections 1.1 and 1.2.
enum Keccak256 {
  /// Bytes of input that one permutation absorbs.
  private static let rate = 136

  /// - Returns: the digest, 32 bytes.
  static func hash(_ message: [UInt8]) -> [UInt8] {
    var padded = message
    padded.append(contentsOf: repeatElement(0, count: rate - message.count % rate))
    padded[message.count] ^= 0x01
    padded[padded.count - 1] ^= 0x80
    var lanes = [UInt64](repeating: 0, count: 25)
    return lanes.withUnsafeMutableBufferPointer { lanes in
      padded.withUnsafeBytes { padded in
        for block in stride(from: 0, to: padded.count, by: rate) {
          for lane in 0..<rate / 8 {
            lanes[lane] ^= UInt64(
              littleEndian: padded.loadUnaligned(fromByteOffset: block + lane * 8, as: UInt64.self))
          }
          permute(lanes)
        }
      }
      return (0..<32).map { UInt8(truncatingIfNeeded: lanes[$0 / 8] >> UInt64($0 % 8 * 8)) }
    }
  }

  /// Keccak-f[1600]: 24 rounds of θ, ρ and π, χ, and ι. The lane (x, y) is at x + 5y. The loops over x are written out,
  /// so that the compiler keeps lanes in registers.
  private static func permute(_ lanes: UnsafeMutableBufferPointer<UInt64>) {
    for constant in roundConstants {
      let c0 = lanes[0] ^ lanes[5] ^ lanes[10] ^ lanes[15] ^ lanes[20]
      let c1 = lanes[1] ^ lanes[6] ^ lanes[11] ^ lanes[16] ^ lanes[21]
      let c2 = lanes[2] ^ lanes[7] ^ lanes[12] ^ lanes[17] ^ lanes[22]
      let c3 = lanes[3] ^ lanes[8] ^ lanes[13] ^ lanes[18] ^ lanes[23]
      let c4 = lanes[4] ^ lanes[9] ^ lanes[14] ^ lanes[19] ^ lanes[24]
      let (d0, d1, d2) = (c4 ^ rotated(c1, 1), c0 ^ rotated(c2, 1), c1 ^ rotated(c3, 1))
      let (d3, d4) = (c2 ^ rotated(c4, 1), c3 ^ rotated(c0, 1))
      var row = 0
      while row < 25 {
        lanes[row] ^= d0
        lanes[row + 1] ^= d1
        lanes[row + 2] ^= d2
        lanes[row + 3] ^= d3
        lanes[row + 4] ^= d4
        row += 5
      }
      var moving = lanes[1]
      for (lane, rotation) in moves { (lanes[lane], moving) = (rotated(moving, rotation), lanes[lane]) }
      row = 0
      while row < 25 {
        let (a, b, c, d, e) = (lanes[row], lanes[row + 1], lanes[row + 2], lanes[row + 3], lanes[row + 4])
        lanes[row] = a ^ (~b & c)
        lanes[row + 1] = b ^ (~c & d)
        lanes[row + 2] = c ^ (~d & e)
        lanes[row + 3] = d ^ (~e & a)
        lanes[row + 4] = e ^ (~a & b)
        row += 5
      }
      lanes[0] ^= constant
    }
  }

  /// π moves every lane but (0, 0) along one cycle, from lane 1 on: (x, y) to (y, 2x + 3y). ρ rotates it by a triangular
  /// number.
  private static let moves: [(lane: Int, rotation: UInt64)] = {
    var (x, y) = (1, 0)
    return (1...24).map { step in
      (x, y) = (y, (2 * x + 3 * y) % 5)
      return (x + 5 * y, UInt64(step * (step + 1) / 2 % 64))
    }
  }()

  /// - Parameter count: from 1 to 63.
  private static func rotated(_ lane: UInt64, _ count: UInt64) -> UInt64 {
    lane &<< count | lane &>> (64 &- count)
  }

  private static let roundConstants: [UInt64] = [
    0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808a, 0x8000_0000_8000_8000,
    0x0000_0000_0000_808b, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
    0x0000_0000_0000_008a, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000a,
    0x0000_0000_8000_808b, 0x8000_0000_0000_008b, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
    0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800a, 0x8000_0000_8000_000a,
    0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
  ]
}
