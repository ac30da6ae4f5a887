import CSecp256k1
import Crypto
import Wire

/// A wallet's private key, for trying a sign-in by hand and for tests. Real wallets keep theirs.
public struct WalletKey: Sendable {
  public let algorithm: WalletAlgorithm
  /// The 32 bytes everything follows from: the Ed25519 and ML-DSA seed, the secp256k1 scalar.
  public let seed: [UInt8]
  /// Ed25519: 32 bytes; ML-DSA-65: 1952; secp256k1: 33, compressed.
  public let publicKey: [UInt8]

  /// The address: the public key in lower-case hex.
  public var address: String { Hex.encode(publicKey) }

  /// A new key from the system's generator.
  public init(algorithm: WalletAlgorithm) throws(WalletKeyError) {
    var random = SystemRandomNumberGenerator()
    var seed: [UInt8]
    repeat {
      seed = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
      // One seed in 2^128 is no secp256k1 scalar.
    } while algorithm == .secp256k1
      && secp256k1_ec_seckey_verify(Secp256k1Context.shared, seed) != 1
    try self.init(algorithm: algorithm, seed: seed)
  }

  /// - Throws: ``WalletKeyError`` where the seed isn't 32 bytes or no scalar.
  public init(algorithm: WalletAlgorithm, seed: [UInt8]) throws(WalletKeyError) {
    guard seed.count == 32 else { throw WalletKeyError() }
    self.algorithm = algorithm
    self.seed = seed
    do {
      switch algorithm {
      case .mldsa65:
        let key = try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil)
        publicKey = Array(key.publicKey.rawRepresentation)
      case .ed25519:
        let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        publicKey = Array(key.publicKey.rawRepresentation)
      case .secp256k1:
        publicKey = try Secp256k1Signer.publicKey(seed)
      }
    } catch {
      throw WalletKeyError()
    }
  }

  /// Signs a message. ML-DSA-65: 3309 bytes; Ed25519: 64; secp256k1: DER, low-S.
  public func sign(_ message: [UInt8]) throws -> [UInt8] {
    switch algorithm {
    case .mldsa65:
      let key = try MLDSA65.PrivateKey(seedRepresentation: seed, publicKey: nil)
      return Array(try key.signature(for: message))
    case .ed25519:
      let key = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
      return Array(try key.signature(for: message))
    case .secp256k1:
      return try Secp256k1Signer.sign(message, seed: seed)
    }
  }
}

/// A seed that no wallet key can be made from.
public struct WalletKeyError: Error, Equatable {}

/// Signing on secp256k1.
enum Secp256k1Signer {
  static func publicKey(_ seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    let context = Secp256k1Context.shared
    var key = secp256k1_pubkey()
    guard secp256k1_ec_pubkey_create(context, &key, seed) == 1 else { throw WalletKeyError() }
    var bytes = [UInt8](repeating: 0, count: 33)
    var count = bytes.count
    secp256k1_ec_pubkey_serialize(context, &bytes, &count, &key, UInt32(SECP256K1_EC_COMPRESSED))
    return bytes
  }

  static func sign(_ message: [UInt8], seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    let context = Secp256k1Context.shared
    var signature = secp256k1_ecdsa_signature()
    let digest = Array(SHA256.hash(data: message))
    guard secp256k1_ecdsa_sign(context, &signature, digest, seed, nil, nil) == 1 else {
      throw WalletKeyError()
    }
    var bytes = [UInt8](repeating: 0, count: 72)
    var count = bytes.count
    secp256k1_ecdsa_signature_serialize_der(context, &bytes, &count, &signature)
    return Array(bytes[..<count])
  }
}
