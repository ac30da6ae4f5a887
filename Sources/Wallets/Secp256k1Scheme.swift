import CSecp256k1
import Crypto

/// ECDSA over SHA-256 on secp256k1: SEC 1 version 2, section 4.1. Only low-S signatures verify. The seed is
/// the private scalar.
public struct Secp256k1Scheme: PublicKeyScheme {
  public let name = "secp256k1"

  public init() {}

  public func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    // libsecp256k1 also accepts hybrid points (06, 07). They would give one key a third address.
    switch (publicKey.count, publicKey.first) {
    case (33, 2), (33, 3), (65, 4): break
    default: return false
    }
    var key = secp256k1_pubkey()
    guard
      secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &key, publicKey, publicKey.count) == 1
    else { return false }
    let digest = Array(SHA256.hash(data: message))
    return Self.readings(of: signature).contains { reading in
      guard Secp256k1LowS.holds(for: reading) else { return false }
      var reading = reading
      return secp256k1_ecdsa_verify(Secp256k1Context.shared, &reading, digest, &key) == 1
    }
  }

  public func objection(to publicKey: [UInt8]) -> String? {
    publicKey.count == 33 ? nil : "public_key must be a compressed point of 33 bytes"
  }

  /// The signatures that the bytes may stand for: r and s of 32 bytes each, or strict DER. 64 bytes may be
  /// either.
  private static func readings(of signature: [UInt8]) -> [secp256k1_ecdsa_signature] {
    var readings: [secp256k1_ecdsa_signature] = []
    var reading = secp256k1_ecdsa_signature()
    if signature.count == 64,
      secp256k1_ecdsa_signature_parse_compact(Secp256k1Context.shared, &reading, signature) == 1
    {
      readings.append(reading)
    }
    if secp256k1_ecdsa_signature_parse_der(
      Secp256k1Context.shared, &reading, signature, signature.count) == 1
    {
      readings.append(reading)
    }
    return readings
  }

  /// - Returns: the compressed point, 33 bytes. `secp256k1_ec_pubkey_create`.
  public func publicKey(seed: [UInt8]) throws(WalletKeyError) -> [UInt8] {
    let context = Secp256k1Context.shared
    var key = secp256k1_pubkey()
    guard seed.count == 32, secp256k1_ec_pubkey_create(context, &key, seed) == 1 else {
      throw WalletKeyError()
    }
    var bytes = [UInt8](repeating: 0, count: 33)
    var count = bytes.count
    secp256k1_ec_pubkey_serialize(context, &bytes, &count, &key, UInt32(SECP256K1_EC_COMPRESSED))
    return bytes
  }

  /// - Returns: the signature in DER, at most 72 bytes. `secp256k1_ecdsa_sign`.
  public func sign(_ message: [UInt8], seed: [UInt8]) throws -> [UInt8] {
    let context = Secp256k1Context.shared
    var signature = secp256k1_ecdsa_signature()
    let digest = Array(SHA256.hash(data: message))
    guard seed.count == 32, secp256k1_ecdsa_sign(context, &signature, digest, seed, nil, nil) == 1 else {
      throw WalletKeyError()
    }
    var bytes = [UInt8](repeating: 0, count: 72)
    var count = bytes.count
    secp256k1_ecdsa_signature_serialize_der(context, &bytes, &count, &signature)
    return Array(bytes[..<count])
  }
}
