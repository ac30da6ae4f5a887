import Wire

/// One challenge in a file: a JSON object of fixed width on a line of its own.
struct ChallengeRecord: Equatable {
  enum State: String {
    case live, used
  }

  /// 24 random bytes.
  let random: [UInt8]
  /// SHA-256 of the address. 32 bytes.
  let address: [UInt8]
  /// When the challenge expires. Milliseconds since 1970.
  let expiry: Int
  var state: State

  private static let beforeRandom = Array(#"{"random":""#.utf8)
  private static let beforeAddress = Array(#"","address":""#.utf8)
  private static let beforeExpiry = Array(#"","expires_ms":"#.utf8)
  private static let beforeState = Array(#","state":""#.utf8)
  private static let end = Array("\"}\n".utf8)
  private static let expiryDigits = 13

  /// The offset of the state in the record. Bytes.
  static let stateOffset =
    beforeRandom.count + 48 + beforeAddress.count + 64 + beforeExpiry.count + expiryDigits
    + beforeState.count
  /// The width of a record, with its newline. Bytes.
  static let width = stateOffset + 4 + end.count

  init(random: [UInt8], address: [UInt8], expiry: Int, state: State = .live) {
    self.random = random
    self.address = address
    self.expiry = expiry
    self.state = state
  }

  /// Reads a record. Nil unless every byte is as expected.
  init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    guard rest.take(Self.beforeRandom), let random = Hex.decode(rest.take(48)), random.count == 24,
      rest.take(Self.beforeAddress), let address = Hex.decode(rest.take(64)), address.count == 32,
      rest.take(Self.beforeExpiry), let expiry = Int(rest.take(Self.expiryDigits)),
      rest.take(Self.beforeState), let state = State(rawValue: rest.take(4)),
      rest.take(Self.end), rest.isEmpty
    else { return nil }
    self.init(random: random, address: address, expiry: expiry, state: state)
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.width)
    bytes += Self.beforeRandom
    bytes += Array(Hex.encode(random).utf8)
    bytes += Self.beforeAddress
    bytes += Array(Hex.encode(address).utf8)
    bytes += Self.beforeExpiry
    bytes += String(expiry).utf8
    bytes += Self.beforeState
    bytes += state.rawValue.utf8
    bytes += Self.end
    return bytes
  }
}
