import Wire

/// The registry: every scheme there is.
public enum WalletSchemes {
  /// In the order of the documentation.
  public static let all: [any WalletScheme] = [MLDSA65Scheme(), Ed25519Scheme(), Secp256k1Scheme()]

  /// The names that `supported_wallet_algorithms` has by default.
  public static let onByDefault = all.map(\.name)

  /// The scheme of a sign-in without `algorithm`.
  public static let whenLeftOut: any WalletScheme = MLDSA65Scheme()

  /// The scheme of a name on the wire.
  public static func named(_ name: String) -> (any WalletScheme)? {
    all.named(name)
  }
}

extension [any WalletScheme] {
  /// The scheme of a name on the wire, compared as bytes.
  public func named(_ name: String) -> (any WalletScheme)? {
    first { $0.name.hasSameBytes(as: name) }
  }
}
