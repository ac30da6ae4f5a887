import CSecp256k1
import Testing
import Wire

@testable import Wallets

/// Keys with several spellings: each would give one person several subjects.
@Suite struct StrictKeyTests {
  private static let challenge = String(repeating: "0123456789abcdef", count: 4)

  /// One private key's point, plus each of the points of small order but the neutral element.
  private static let mixed = [
    "011707d04584463863ad89e6afe691b044c9e6550355001670f5721f323b2611",
    "f45378fb6c6e87abdd4ff8d94ae3757de45c342f94305e0a321de71c6204a3de",
    "e7c72a6d2636281de62a83f6ef56c3027f5bb0a8c9951793bf724013a3f1348f",
    "5ab8b432da0816141f17fa5e40716e2bf0deac3aaa25bee6b4c3575478e22228",
    "ece8f82fba7bb9c79c52761950196e4fbb3619aafcaaffe98f0a8de0cdc4d9ee",
    "f9ab87049391785422b00726b51c8a821ba3cbd06bcfa1f5cde218e39dfb5c21",
    "0638d592d9c9d7e219d57c0910a93cfd80a44f57366ae86c408dbfec5c0ecb70",
  ]

  /// Made with the first of them: about one attempt in eight succeeds.
  private static let signature =
    "c9a3f86aae465f0e56513864510f3997561fa2c9e85ea21dc2292309f3cd6022"
    + "01c191266820d63034d112f350a13588e32ae1c2d020299f32193082c2dc1c0c"

  @Test func aPartOfSmallOrderIsFound() throws {
    let proper = try #require(Hex.decode("93474bcd25f7e9ebe0e805a1bf8e91d40f2153c555da41194b3ca8ab871dddd7"))
    #expect(Ed25519Subgroup.contains(proper))
    for _ in 0..<20 { #expect(Ed25519Subgroup.contains(try WalletKey(Ed25519Scheme()).publicKey)) }
    for key in try Self.mixed.map({ try #require(Hex.decode($0)) }) {
      #expect(!Ed25519Subgroup.contains(key))
    }
  }

  @Test func aKeyWithAPartOfSmallOrderSignsInWhereTheSiteIsLaxOnly() throws {
    let members = [
      "address": Self.mixed[0], "public_key": Self.mixed[0], "signature": Self.signature,
      "challenge": Self.challenge,
    ]
    var site = WalletSite.example()
    site.isStrict = false
    #expect(try Ed25519Scheme().verify(members, at: site).subject == Self.mixed[0])
    site.isStrict = true
    #expect(throws: WalletRefusal.invalidRequest("public_key has a part of small order")) {
      try Ed25519Scheme().verify(members, at: site)
    }
  }

  @Test func anUncompressedKeySignsInWhereTheSiteIsLaxOnly() throws {
    let scheme = Secp256k1Scheme()
    let key = try WalletKey(scheme)
    var point = secp256k1_pubkey()
    #expect(secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &point, key.publicKey, 33) == 1)
    var long = [UInt8](repeating: 0, count: 65)
    var count = long.count
    secp256k1_ec_pubkey_serialize(
      Secp256k1Context.shared, &long, &count, &point, UInt32(SECP256K1_EC_UNCOMPRESSED))
    var members = try key.signIn(["challenge": Self.challenge])
    members["address"] = Hex.encode(long)
    members["public_key"] = Hex.encode(long)
    var site = WalletSite.example()
    #expect(throws: WalletRefusal.invalidRequest("public_key must be a compressed point of 33 bytes")) {
      try scheme.verify(members, at: site)
    }
    site.isStrict = false
    #expect(try scheme.verify(members, at: site).subject == Hex.encode(long))
  }
}
