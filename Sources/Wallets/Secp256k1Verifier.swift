import CSecp256k1
import Crypto

/// ECDSA over SHA-256 on secp256k1: SEC 1 version 2, section 4.1.4; low-S signatures only.
enum Secp256k1Verifier {
  static func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    // The library takes hybrid points (06, 07) too, which would give one key a third address.
    switch (publicKey.count, publicKey.first) {
    case (33, 2), (33, 3), (65, 4): break
    default: return false
    }
    var key = secp256k1_pubkey()
    guard
      secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &key, publicKey, publicKey.count) == 1
    else { return false }
    let digest = Array(SHA256.hash(data: message))
    return readings(of: signature).contains { reading in
      var reading = reading
      // Refuses high-S signatures, so that nobody but the signer can make a second one from the first.
      return secp256k1_ecdsa_verify(Secp256k1Context.shared, &reading, digest, &key) == 1
    }
  }

  /// What a signature may mean: r and s of 32 bytes each, or strict DER; 64 bytes may be either.
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
}
