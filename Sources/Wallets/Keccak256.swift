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

  /// Keccak-f[1600]: 24 rounds of θ, ρ and π, χ, and ι. The lane (x, y) is at x + 5y.
  private static func permute(_ lanes: UnsafeMutableBufferPointer<UInt64>) {
    for constant in roundConstants {
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 5) { parity in
        for x in 0..<5 {
          parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
        }
        for x in 0..<5 {
          let change = parity[(x + 4) % 5] ^ rotated(parity[(x + 1) % 5], 1)
          for y in stride(from: 0, to: 25, by: 5) { lanes[x + y] ^= change }
        }
        // π moves every lane but (0, 0) along one cycle, and ρ rotates it by a triangular number.
        var (x, y, moving) = (1, 0, lanes[1])
        for step in 0..<24 {
          (x, y) = (y, (2 * x + 3 * y) % 5)
          (lanes[x + 5 * y], moving) = (rotated(moving, (step + 1) * (step + 2) / 2 % 64), lanes[x + 5 * y])
        }
        for row in stride(from: 0, to: 25, by: 5) {
          for x in 0..<5 { parity[x] = lanes[row + x] }
          for x in 0..<5 { lanes[row + x] = parity[x] ^ (~parity[(x + 1) % 5] & parity[(x + 2) % 5]) }
        }
      }
      lanes[0] ^= constant
    }
  }

  private static func rotated(_ lane: UInt64, _ count: Int) -> UInt64 {
    count == 0 ? lane : lane &<< UInt64(count) | lane &>> UInt64(64 - count)
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
