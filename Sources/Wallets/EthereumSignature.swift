import CSecp256k1

/// A signature by `personal_sign`: EIP-191, version 0x45.
struct EthereumSignature {
  /// The length of r‖s‖v. Bytes.
  static let size = 65

  /// What makes a signature unusable, whoever made it.
  enum Flaw: Error {
    /// v is none of 0, 1, 27 and 28.
    case recoveryByte
    /// Anybody can make such a signature from one with a low s.
    case highS
    /// No key makes this signature.
    case noKey
  }

  /// The account that signed a message.
  /// - Parameter signature: 65 bytes.
  /// - Throws: ``Flaw``. `secp256k1_ecdsa_recover` accepts a high s, so that is checked here.
  static func signer(of message: [UInt8], signature: [UInt8]) throws(Flaw) -> EthereumAddress {
    let recovery: Int32
    switch signature[64] {
    case 0, 27: recovery = 0
    case 1, 28: recovery = 1
    default: throw .recoveryByte
    }
    let context = Secp256k1Context.shared
    var plain = secp256k1_ecdsa_signature()
    guard secp256k1_ecdsa_signature_parse_compact(context, &plain, signature) == 1 else { throw .noKey }
    guard Secp256k1LowS.holds(for: plain) else { throw .highS }
    var parsed = secp256k1_ecdsa_recoverable_signature()
    var key = secp256k1_pubkey()
    guard secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, signature, recovery) == 1,
      secp256k1_ecdsa_recover(context, &key, &parsed, digest(of: message)) == 1
    else { throw .noKey }
    return address(of: &key)
  }

  /// - Parameter seed: the private scalar, 32 bytes.
  /// - Returns: r‖s‖v with v of 27 or 28.
  static func sign(_ message: [UInt8], seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    let context = Secp256k1Context.shared
    var signature = secp256k1_ecdsa_recoverable_signature()
    guard seed.count == 32,
      secp256k1_ecdsa_sign_recoverable(context, &signature, digest(of: message), seed, nil, nil) == 1
    else { throw WalletKeyError() }
    var bytes = [UInt8](repeating: 0, count: 64)
    var recovery: Int32 = 0
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context, &bytes, &recovery, &signature)
    return bytes + [27 + UInt8(recovery)]
  }

  /// - Parameter publicKey: a SEC 1 point.
  static func address(publicKey: [UInt8]) -> EthereumAddress? {
    var key = secp256k1_pubkey()
    guard secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &key, publicKey, publicKey.count) == 1 else {
      return nil
    }
    return address(of: &key)
  }

  private static func address(of key: inout secp256k1_pubkey) -> EthereumAddress {
    var point = [UInt8](repeating: 0, count: 65)
    var count = point.count
    secp256k1_ec_pubkey_serialize(
      Secp256k1Context.shared, &point, &count, &key, UInt32(SECP256K1_EC_UNCOMPRESSED))
    return EthereumAddress(publicKey: point)
  }

  private static func digest(of message: [UInt8]) -> [UInt8] {
    Keccak256.hash(Array("\u{19}Ethereum Signed Message:\n\(message.count)".utf8) + message)
  }
}
