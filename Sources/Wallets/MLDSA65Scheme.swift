import Crypto

/// ML-DSA-65, pure, with empty context: FIPS 204, algorithms 2 and 3. The seed is ξ of algorithm 6.
public struct MLDSA65Scheme: PublicKeyScheme {
  private static let publicKeySize = 1952
  private static let signatureSize = 3309

  public let name = "ML-DSA-65"

  public init() {}

  public func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard publicKey.count == Self.publicKeySize, signature.count == Self.signatureSize,
      let key = try? MLDSA65.PublicKey(rawRepresentation: publicKey)
    else { return false }
    return key.isValidSignature(signature, for: message)
  }

  public func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    guard let key = try? MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil) else {
      throw WalletKeyError()
    }
    return Array(key.publicKey.rawRepresentation)
  }

  /// - Returns: the signature, 3309 bytes.
  public func sign(_ message: [UInt8], seed: [UInt8]) throws -> [UInt8] {
    Array(try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil).signature(for: message))
  }
}
