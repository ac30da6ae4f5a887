import TestSupport
import Testing

@testable import Wallets

/// Wycheproof's vectors: what is valid by the rules of this program passes, and nothing else does.
@Suite struct WalletVectorTests {
  @Test(arguments: [
    ("ed25519", Ed25519Scheme() as any PublicKeyScheme, ["valid": 88, "invalid": 63]),
    ("secp256k1-der", Secp256k1Scheme(), ["valid": 96, "high-s": 72, "invalid": 308]),
    ("secp256k1-p1363", Secp256k1Scheme(), ["valid": 95, "high-s": 72, "invalid": 85]),
    ("ml-dsa-65", MLDSA65Scheme(), ["valid": 77, "context": 2, "invalid": 131]),
  ])
  func signatures(_ file: String, _ scheme: any PublicKeyScheme, _ counts: [String: Int]) throws {
    let vectors = try Vector.all(file)
    #expect(Vector.counts(vectors) == counts)
    for vector in vectors {
      let passes = scheme.verifies(
        signature: try Vector.bytes(vector.values[1]), of: try Vector.bytes(vector.values[0]),
        publicKey: try Vector.bytes(vector.key[0]))
      #expect(passes == vector.mustPass, "\(file) \(vector.id): \(vector.kind)")
    }
  }
}
