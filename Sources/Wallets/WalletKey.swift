/// A wallet's private key, for tests and for people who try a sign-in by hand. Real wallets keep their own
/// keys.
public struct WalletKey: Sendable {
  /// The scheme that signs with the key.
  public let scheme: any WalletScheme
  /// The 32 bytes from which the key is made.
  public let seed: [UInt8]
  /// The public key, in the scheme's encoding.
  public let publicKey: [UInt8]

  /// The address of the public key, in the scheme's spelling.
  public var address: String { scheme.address(publicKey: publicKey) }

  /// Makes a key from 32 bytes of the system's random number generator.
  /// - Throws: ``WalletKeyError`` if the scheme makes no key from two random seeds.
  public init(_ scheme: any WalletScheme) throws(WalletKeyError) {
    do {
      try self.init(scheme, seed: Self.randomSeed())
    } catch {
      // One seed in 2^128 isn't a valid scalar of secp256k1.
      try self.init(scheme, seed: Self.randomSeed())
    }
  }

  /// Makes a key from a seed.
  /// - Throws: ``WalletKeyError`` if the seed isn't 32 bytes long, or if the scheme makes no key from it.
  public init(_ scheme: any WalletScheme, seed: [UInt8]) throws(WalletKeyError) {
    guard seed.count == 32 else { throw WalletKeyError() }
    self.scheme = scheme
    self.seed = seed
    publicKey = try scheme.publicKey(seed: seed)
  }

  /// Answers a challenge.
  /// - Parameter challenge: the members of the answer to `POST /challenge`.
  /// - Returns: the members of the body of `POST /sign-in`.
  /// - Throws: what the scheme throws.
  public func signIn(answering challenge: WalletMembers) throws -> [(name: String, value: String)] {
    try scheme.signIn(self, answering: challenge) + [("algorithm", scheme.name)]
  }

  private static func randomSeed() -> [UInt8] {
    var random = SystemRandomNumberGenerator()
    return (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}

/// No wallet key can be made from a seed.
public struct WalletKeyError: Error, Equatable {}
