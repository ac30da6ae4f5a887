import Wire

/// The subjects that wallets sign in under.
public enum WalletSubject {
  /// The shortest public key. Bytes.
  private static let shortestKey = 32

  /// The spelling of a wallet's address that is its `sub`: EIP-55 for Ethereum, lower-case hex without `0x` for public keys. Any
  /// other text is returned as it is.
  public static func canonical(_ text: String) -> String {
    if let address = EthereumAddress(text) { return address.text }
    guard let key = Hex.decode(text), key.count >= shortestKey else { return text }
    return Hex.encode(key)
  }

  /// The texts that somebody may mean by a subject: as it is written, and its canonical spelling if that differs. The first
  /// may be the name of something else, such as a fleet session.
  public static func meanings(of text: String) -> [String] {
    let canonical = canonical(text)
    return canonical.hasSameBytes(as: text) ? [text] : [canonical, text]
  }
}
