import CSecp256k1

/// The low-S rule: of the two values of s that verify, s and the order less s, the smaller one is taken. Without the
/// rule anybody makes a second signature from a first one.
enum Secp256k1LowS {
  /// Whether a signature's s is at most half the order. `secp256k1_ecdsa_signature_normalize`.
  static func holds(for signature: secp256k1_ecdsa_signature) -> Bool {
    withUnsafePointer(to: signature) { signature in
      secp256k1_ecdsa_signature_normalize(Secp256k1Context.shared, nil, signature) == 0
    }
  }
}
