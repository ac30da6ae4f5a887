import Wire

/// The registry of all schemes.
public enum WalletSchemes {
  /// All schemes, in the order of the documentation.
  public static let all: [any WalletScheme] = [
    MLDSA65Scheme(), Ed25519Scheme(), Secp256k1Scheme(), EIP4361Scheme(), SIWSScheme(),
  ]

  /// The default of `supported_wallet_algorithms`.
  public static let onByDefault = all.map(\.name)

  /// The scheme of a sign-in without the member `algorithm`.
  public static let whenLeftOut: any WalletScheme = MLDSA65Scheme()

  /// The scheme of a challenge without the member `algorithm`. Only Solana's addresses are spelled in base58, and the
  /// challenges of the other schemes are bound alike.
  public static func whenLeftOut(for address: String) -> any WalletScheme {
    Base58.decodeKey(address) == nil ? whenLeftOut : SIWSScheme()
  }

  /// The scheme with a name on the wire, or nil.
  public static func named(_ name: String) -> (any WalletScheme)? {
    all.named(name)
  }
}

extension [any WalletScheme] {
  /// The scheme with a name on the wire, or nil. Names are compared as bytes.
  public func named(_ name: String) -> (any WalletScheme)? {
    first { $0.name.hasSameBytes(as: name) }
  }
}
