/// A wallet's private key, for trying a sign-in by hand and for tests. Real wallets keep theirs.
public struct WalletKey: Sendable {
  public let scheme: any WalletScheme
  /// The 32 bytes that the key is made from.
  public let seed: [UInt8]
  public let publicKey: [UInt8]

  public var address: String { scheme.address(publicKey: publicKey) }

  /// Makes a key from the system's generator.
  public init(_ scheme: any WalletScheme) throws(WalletKeyError) {
    do {
      try self.init(scheme, seed: Self.randomSeed())
    } catch {
      // One seed in 2^128 is no secp256k1 scalar.
      try self.init(scheme, seed: Self.randomSeed())
    }
  }

  /// - Throws: ``WalletKeyError`` where the seed isn't 32 bytes, or the scheme makes no key from it.
  public init(_ scheme: any WalletScheme, seed: [UInt8]) throws(WalletKeyError) {
    guard seed.count == 32 else { throw WalletKeyError() }
    self.scheme = scheme
    self.seed = seed
    publicKey = try scheme.publicKey(seed: seed)
  }

  /// The members of a sign-in's body.
  /// - Parameter challenge: the members of the answer to `POST /challenge`.
  public func signIn(answering challenge: WalletMembers) throws -> [(name: String, value: String)] {
    try scheme.signIn(self, answering: challenge) + [("algorithm", scheme.name)]
  }

  private static func randomSeed() -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}

/// A seed that no wallet key can be made from.
public struct WalletKeyError: Error, Equatable {}
