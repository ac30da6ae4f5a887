// Wallets: one verifier for each signature algorithm, wallet keys for people who try it out, and
// addresses. No nonces, no tokens.

/// A signature algorithm that wallets sign in with, by its name on the wire.
public enum WalletAlgorithm: String, Sendable, CaseIterable {
  case mldsa65 = "ML-DSA-65"
  case ed25519 = "Ed25519"
  case secp256k1 = "secp256k1"

  /// Whether a signature over a message is that of the key. Never fails: a malformed key or signature is a
  /// signature that doesn't verify.
  public func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
    switch self {
    case .mldsa65:
      MLDSA65Verifier.verifies(signature: signature, of: message, publicKey: publicKey)
    case .ed25519:
      Ed25519Verifier.verifies(signature: signature, of: message, publicKey: publicKey)
    case .secp256k1:
      Secp256k1Verifier.verifies(signature: signature, of: message, publicKey: publicKey)
    }
  }
}
