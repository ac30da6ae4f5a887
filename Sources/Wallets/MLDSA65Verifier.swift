import Crypto

/// ML-DSA-65, pure, with empty context: FIPS 204, algorithm 3.
enum MLDSA65Verifier {
  static let publicKeySize = 1952
  static let signatureSize = 3309

  static func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    guard publicKey.count == publicKeySize, signature.count == signatureSize,
      let key = try? MLDSA65.PublicKey(rawRepresentation: publicKey)
    else { return false }
    return key.isValidSignature(signature, for: message)
  }
}
