import CSecp256k1
import Testing
import Wire

@testable import Wallets

@Suite struct WalletTests {
  private static let schemes = WalletSchemes.all.compactMap { $0 as? any PublicKeyScheme }

  private let message = Array("0123456789abcdef".utf8)

  @Test(arguments: Self.schemes)
  func acceptsItsOwnSignatureAndNoOther(_ scheme: any PublicKeyScheme) throws {
    let key = try WalletKey(scheme)
    let signature = try scheme.sign(message, seed: key.seed)
    func verifies(_ signature: [UInt8], _ message: [UInt8], _ publicKey: [UInt8]) -> Bool {
      scheme.verifies(signature: signature, of: message, publicKey: publicKey)
    }
    #expect(verifies(signature, message, key.publicKey))

    let other = try WalletKey(scheme)
    #expect(!verifies(signature, message, other.publicKey))
    #expect(!verifies(signature, message + [0], key.publicKey))
    #expect(!verifies(signature, [], key.publicKey))
    #expect(!verifies([], message, key.publicKey))
    #expect(!verifies(signature, message, []))
    #expect(!verifies(Array(signature.dropLast()), message, key.publicKey))
    #expect(!verifies(signature + [0], message, key.publicKey))
    #expect(!verifies(signature + signature, message, key.publicKey))
    #expect(!verifies(signature, message, key.publicKey + [0]))
    for position in [0, signature.count / 2, signature.count - 1] {
      var flipped = signature
      flipped[position] ^= 1
      #expect(!verifies(flipped, message, key.publicKey), "bit \(position * 8)")
    }
  }

  @Test(arguments: WalletSchemes.all)
  func aSeedMakesTheSameKeyAgain(_ scheme: any WalletScheme) throws {
    let key = try WalletKey(scheme)
    #expect(try WalletKey(scheme, seed: key.seed).publicKey == key.publicKey)
    #expect(throws: WalletKeyError.self) { try WalletKey(scheme, seed: [1, 2]) }
  }

  /// With a key of small order S = 0 and R = the neutral element satisfy the equation for many messages,
  /// without any private key.
  @Test func nobodySignsForAKeyOfSmallOrder() throws {
    let points = try [
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
      // The same points written with y beyond the field.
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ].map { try #require(Hex.decode($0)) }
    for point in points {
      for r in points {
        for byte in UInt8(0)..<64 {
          let signature = r + [UInt8](repeating: 0, count: 32)
          #expect(
            !Ed25519Scheme().verifies(
              signature: signature, of: [byte], publicKey: point))
        }
      }
    }
  }

  @Test func refusesHybridPointsAndHighS() throws {
    let key = try WalletKey(Secp256k1Scheme())
    let signature = try Secp256k1Scheme().sign(message, seed: key.seed)
    let context = Secp256k1Context.shared
    var point = secp256k1_pubkey()
    #expect(secp256k1_ec_pubkey_parse(context, &point, key.publicKey, 33) == 1)
    var uncompressed = [UInt8](repeating: 0, count: 65)
    var count = uncompressed.count
    secp256k1_ec_pubkey_serialize(
      context, &uncompressed, &count, &point, UInt32(SECP256K1_EC_UNCOMPRESSED))
    func verifies(_ signature: [UInt8], _ publicKey: [UInt8]) -> Bool {
      Secp256k1Scheme().verifies(signature: signature, of: message, publicKey: publicKey)
    }
    #expect(verifies(signature, uncompressed))
    var hybrid = uncompressed
    hybrid[0] = 6 + (uncompressed[64] & 1)
    #expect(!verifies(signature, hybrid))

    // The order of the curve less s.
    var parsed = secp256k1_ecdsa_signature()
    secp256k1_ecdsa_signature_parse_der(context, &parsed, signature, signature.count)
    var compact = [UInt8](repeating: 0, count: 64)
    secp256k1_ecdsa_signature_serialize_compact(context, &compact, &parsed)
    #expect(verifies(compact, key.publicKey))
    var s = Array(compact[32...])
    #expect(secp256k1_ec_seckey_negate(context, &s) == 1)
    let high = Array(compact[..<32]) + s
    #expect(!verifies(high, key.publicKey))
    #expect(Secp256k1LowS.holds(for: parsed))
    #expect(secp256k1_ecdsa_signature_parse_compact(context, &parsed, high) == 1)
    #expect(!Secp256k1LowS.holds(for: parsed))
  }
}
