import TestSupport
import Testing
import Wire

@testable import Wallets

/// Wycheproof: how many signatures of a file must be accepted, and that no invalid one is.
@Suite(.enabled(if: Vectors.areThere, "no vectors beside the project"))
struct VectorTests {
  private func check(
    _ file: String, _ scheme: any PublicKeyScheme, accepted expected: Int,
    key: ([String: Any]) -> String?
  ) throws {
    var accepted = 0
    for group in try Vectors.groups(file) {
      let publicKey = Hex.decode(try #require(key(group)))!
      for test in group["tests"] as? [[String: Any]] ?? [] {
        // Contexts other than the empty one are not for us.
        if test["ctx"] != nil { continue }
        let passes = scheme.verifies(
          signature: Hex.decode(test["sig"] as! String)!,
          of: Hex.decode(test["msg"] as! String)!, publicKey: publicKey)
        if passes { accepted += 1 }
        #expect(!passes || test["result"] as? String == "valid", "\(file) \(test["tcId"]!)")
      }
    }
    #expect(accepted == expected)
  }

  private static func nested(_ member: String) -> ([String: Any]) -> String? {
    { ($0["publicKey"] as? [String: Any])?[member] as? String }
  }

  @Test func ed25519() throws {
    try check("ed25519_test.json", Ed25519Scheme(), accepted: 88, key: Self.nested("pk"))
  }

  @Test func secp256k1WithDER() throws {
    try check(
      "ecdsa_secp256k1_sha256_test.json", Secp256k1Scheme(), accepted: 96, key: Self.nested("uncompressed"))
  }

  @Test func secp256k1WithFixedWidth() throws {
    try check(
      "ecdsa_secp256k1_sha256_p1363_test.json", Secp256k1Scheme(), accepted: 95,
      key: Self.nested("uncompressed"))
  }

  @Test func mldsa65() throws {
    let withContext = try Vectors.groups("mldsa_65_verify_test.json")
      .flatMap { $0["tests"] as? [[String: Any]] ?? [] }
      .filter { $0["ctx"] != nil && $0["result"] as? String == "valid" }
    try check("mldsa_65_verify_test.json", MLDSA65Scheme(), accepted: 79 - withContext.count) {
      $0["publicKey"] as? String
    }
  }
}
