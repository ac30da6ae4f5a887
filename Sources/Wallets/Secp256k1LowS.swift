import CSecp256k1

/// The low-S rule. If (r, s) verifies, so does (r, n - s), where n is the order of the group. The rule
/// accepts only the smaller s, so that nobody can turn a signature into a second one. BIP 146.
enum Secp256k1LowS {
  /// Whether a signature's s is at most half the order. `secp256k1_ecdsa_signature_normalize`.
  static func holds(for signature: secp256k1_ecdsa_signature) -> Bool {
    withUnsafePointer(to: signature) { signature in
      secp256k1_ecdsa_signature_normalize(Secp256k1Context.shared, nil, signature) == 0
    }
  }
}
