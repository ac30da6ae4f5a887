import Wire

/// The address of an Ethereum account: the last 20 bytes of the Keccak-256 digest of its public key.
struct EthereumAddress: Equatable {
  /// `0x` and 40 hex digits. A letter is upper case if the digest of the digits has a half-byte above 7 in its place.
  /// EIP-55.
  let text: String

  /// - Parameter point: the uncompressed public key, 65 bytes.
  init(publicKey point: [UInt8]) {
    text = Self.checksummed(Array(Keccak256.hash(Array(point.dropFirst())).suffix(20)))
  }

  /// Reads the spelling with `0x` and EIP-55's checksum.
  init?(checksummed text: String) {
    guard let address = EthereumAddress(hex: text), address.text.hasSameBytes(as: text) else { return nil }
    self = address
  }

  /// Reads 40 hex digits, with or without `0x`. If they have letters in both cases, the checksum must be right. EIP-55.
  init?(_ text: String) {
    guard let address = EthereumAddress(hex: text) else { return nil }
    let letters = text.utf8.suffix(40).filter(URIGrammar.isLetter)
    let isMixed = letters.contains { $0 & 0x20 == 0 } && letters.contains { $0 & 0x20 != 0 }
    if isMixed, !address.text.utf8.suffix(40).elementsEqual(text.utf8.suffix(40)) { return nil }
    self = address
  }

  private init?(hex text: String) {
    guard (40...42).contains(text.utf8.count), let bytes = Hex.decode(text), bytes.count == 20 else {
      return nil
    }
    self.text = Self.checksummed(bytes)
  }

  private static func checksummed(_ bytes: [UInt8]) -> String {
    let digits = Array(Hex.encode(bytes).utf8)
    let digest = Keccak256.hash(digits)
    let cased = digits.enumerated().map { index, digit in
      let half = digest[index / 2] >> (index.isMultiple(of: 2) ? 4 : 0) & 15
      return URIGrammar.isLetter(digit) && half > 7 ? digit & ~0x20 : digit
    }
    return "0x" + String(decoding: cased, as: UTF8.self)
  }
}
