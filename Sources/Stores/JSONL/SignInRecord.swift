/// When somebody last signed in to an account from a range of addresses: 32 bytes in the file of failed attempts.
///
/// | offset | length | |
/// |---|---|---|
/// | 0 | 4 | CRC-32C of the rest |
/// | 4 | 4 | 0 |
/// | 8 | 8 | time, in milliseconds since 1970 |
/// | 16 | 16 | keyed hash of account and range |
///
/// Numbers are little-endian.
struct SignInRecord: ThrottleFileRecord {
  static let width = 32

  let digest: [UInt8]
  /// Seconds since 1970, with a fraction.
  let time: Double

  init(digest: [UInt8], time: Double) {
    self.digest = digest
    self.time = time
  }

  init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count == Self.width, bytes.number(at: 0, 4) == UInt64(CRC32C.checksum(bytes.dropFirst(4)))
    else { return nil }
    time = Double(bytes.number(at: 8, 8)) / 1000
    digest = Array(bytes.suffix(16))
  }

  var bytes: [UInt8] {
    var rest: [UInt8] = []
    rest.add(0, 4)
    rest.add(UInt64(max(0, (time * 1000).rounded())), 8)
    rest += digest
    var bytes: [UInt8] = []
    bytes.add(UInt64(CRC32C.checksum(rest[...])), 4)
    return bytes + rest
  }
}
