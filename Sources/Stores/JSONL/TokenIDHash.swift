import Crypto
import Wire

/// A token identifier in 16 bytes. Ours are 16 bytes in hex and stand for themselves; any other is
/// represented by the beginning of its SHA-256.
struct TokenIDHash: Hashable {
  private let high: UInt64
  private let low: UInt64

  init(_ tokenID: String) {
    let bytes: [UInt8]
    if tokenID.utf8.count == 32, let decoded = Hex.decode(tokenID), decoded.count == 16,
      Hex.encode(decoded).hasSameBytes(as: tokenID)
    {
      bytes = decoded
    } else {
      bytes = Array(SHA256.hash(data: Array(tokenID.utf8)).prefix(16))
    }
    high = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    low = bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
