import Testing
import Wire

@testable import Wallets

@Suite struct SolanaTests {
  private let site = WalletSite.example()
  private let scheme = SIWSScheme()
  private let challenge = String(repeating: "0123456789abcdef", count: 4)

  // MARK: - Base58

  @Test func aKeyHasOneSpelling() throws {
    let known = [
      "11111111111111111111111111111111": [UInt8](repeating: 0, count: 32),
      "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG": [UInt8](repeating: 255, count: 32),
    ]
    for (text, key) in known {
      #expect(Base58.encode(key) == text)
      #expect(Base58.decodeKey(text) == key)
    }
    for zeros in 0...32 {
      let key = [UInt8](repeating: 0, count: zeros) + (zeros..<32).map { UInt8($0 * 5 + 3) }
      #expect(Base58.decodeKey(Base58.encode(key)) == key)
      #expect(Base58.decodeKey("1" + Base58.encode(key)) == nil)
    }
  }

  @Test(arguments: [
    "", "1111111111111111111111111111111", "111111111111111111111111111111111",
    // 2^256, one more than a key can be.
    "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFH",
    "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxF0", "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFO",
    "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFI", "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFl",
    "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxF ", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    String(repeating: "2", count: 60_000),
  ])
  func otherTextIsNoKey(_ text: String) {
    #expect(Base58.decodeKey(text) == nil)
  }

  /// The store of the challenges ignores the case of letters.
  @Test func addressesThatDifferInCaseShareNoChallenge() throws {
    let key = try WalletKey(scheme)
    let swapped = String(
      key.address.map { $0.isLowercase ? Character($0.uppercased()) : Character($0.lowercased()) })
    let binding = try scheme.binding(of: key.address)
    #expect(binding == "solana:" + Hex.encode(key.publicKey))
    #expect((try? scheme.binding(of: swapped)) != binding)
  }

  // MARK: - Envelopes

  /// A sign-in with a signature over what `envelope` makes of the message.
  private func members(
    _ key: WalletKey, says: Bool = true, _ envelope: ([UInt8]) -> [UInt8]
  ) throws -> [String: String] {
    var members = try key.signIn(site.answer(key, challenge))
    let signed = envelope(Array(try #require(members["message"]).utf8))
    members["signature"] = Hex.encode(try Ed25519Scheme().sign(signed, seed: key.seed))
    members["signed_message"] = says ? Hex.encode(signed) : nil
    return members
  }

  private static func length(_ count: Int) -> [UInt8] { [UInt8(count & 0xff), UInt8(count >> 8)] }

  private static let domain = [UInt8](repeating: 0x64, count: 32)

  private static func one(_ key: WalletKey, _ text: [UInt8]) -> [UInt8] {
    OffchainMessage.start + [1, 1] + key.publicKey + text
  }

  private static func legacy(_ text: [UInt8], format: UInt8 = 0) -> [UInt8] {
    OffchainMessage.start + [0, format] + length(text.count) + text
  }

  private static func zero(_ key: WalletKey, _ text: [UInt8], format: UInt8 = 1) -> [UInt8] {
    OffchainMessage.start + [0] + domain + [format, 1] + key.publicKey + length(text.count) + text
  }

  @Test func aWalletMaySignAnEnvelopeAndSaySo() throws {
    let key = try WalletKey(scheme)
    let envelopes: [([UInt8]) -> [UInt8]] = [
      { $0 }, { Self.one(key, $0) }, { Self.legacy($0) }, { Self.legacy($0, format: 1) },
      { Self.legacy($0, format: 2) }, { Self.zero(key, $0, format: 0) }, { Self.zero(key, $0) },
      { Self.zero(key, $0, format: 2) },
    ]
    for (index, envelope) in envelopes.enumerated() {
      let identity = try scheme.verify(members(key, envelope), at: site)
      #expect(identity.subject == key.address, "envelope \(index)")
      #expect(identity.claims.map(\.value) == ["solana:mainnet"])
    }
  }

  @Test func aWalletMaySignAnEnvelopeAndGiveTheSignatureAlone() throws {
    let key = try WalletKey(scheme)
    let envelopes: [([UInt8]) -> [UInt8]] = [
      { $0 }, { Self.one(key, $0) }, { Self.one(key, Self.length($0.count) + $0) }, { Self.legacy($0) },
      { Self.legacy($0, format: 1) },
    ]
    for (index, envelope) in envelopes.enumerated() {
      let members = try members(key, says: false, envelope)
      #expect(try scheme.verify(members, at: site).subject == key.address, "envelope \(index)")
    }
    // Nobody can guess the application domain.
    let unknown = try members(key, says: false) { Self.zero(key, $0) }
    #expect(throws: WalletRefusal.notProven("signature verification failed")) {
      try scheme.verify(unknown, at: site)
    }
  }

  @Test func envelopesThatLieAreRefused() throws {
    let key = try WalletKey(scheme)
    let other = try WalletKey(scheme)
    let (first, second) = (key.publicKey, other.publicKey)
    let start = OffchainMessage.start
    let refused: [(String, ([UInt8]) -> [UInt8])] = [
      ("signed_message has other signers than address", { Self.one(other, $0) }),
      ("signed_message has other signers than address", { Self.zero(other, $0) }),
      ("signed_message has other signers than address", { start + [1, 2] + first + second + $0 }),
      ("signed_message has other signers than address", { start + [1, 2] + second + first + $0 }),
      ("signed_message has other signers than address", { start + [1, 2] + first + first + $0 }),
      (
        "signed_message has other signers than address",
        { start + [0] + Self.domain + [1, 2] + first + second + Self.length($0.count) + $0 }
      ),
      ("signed_message has another text than message", { Self.one(key, $0 + [0x21]) }),
      ("signed_message has another text than message", { Self.one(key, Self.length($0.count) + $0) }),
      ("signed_message has another text than message", { Self.legacy($0 + Array("é".utf8), format: 1) }),
      ("signed_message is malformed: text not ASCII", { Self.legacy($0 + Array("é".utf8)) }),
      ("signed_message is malformed: text not ASCII", { Self.zero(key, $0 + Array("é".utf8), format: 0) }),
      (
        "signed_message is malformed: wrong length",
        {
          start + [0] + Self.domain + [1, 1] + first + Self.length($0.count + 1) + $0
        }
      ),
      (
        "signed_message is malformed: wrong length",
        {
          start + [0] + Self.domain + [1, 1] + first + Self.length($0.count - 1) + $0
        }
      ),
      ("signed_message is malformed: no signer", { start + [1, 0] + $0 }),
      ("signed_message is malformed: unknown version", { start + [2, 1] + first + $0 }),
      ("signed_message is malformed: unknown format", { Self.zero(key, $0, format: 3) }),
      ("signed_message is malformed: too short", { _ in start + [1, 255] + first }),
      ("signed_message is malformed: too short", { _ in start }),
      (
        "signed_message is malformed: no off-chain message",
        { [0xfe] + start.dropFirst() + [1, 1] + first + $0 }
      ),
      ("signed_message is malformed: no off-chain message", { $0 + [0x0a] }),
    ]
    for (detail, envelope) in refused {
      let members = try members(key, envelope)
      #expect(throws: WalletRefusal.notProven(detail), "\(detail)") { try scheme.verify(members, at: site) }
    }
    // A length that lies makes a legacy envelope look like one of version 0.
    for change in [-1, 1] {
      let members = try members(key) { start + [0, 0] + Self.length($0.count + change) + $0 }
      #expect(throws: WalletRefusal.self) { try scheme.verify(members, at: site) }
    }
  }

  @Test func aLongTextHasAFormatOfItsOwn() throws {
    let text = [UInt8](repeating: 0x61, count: 1213)
    #expect(throws: OffchainMessage.Malformed(reason: "text too long for its format")) {
      try OffchainMessage(Self.legacy(text, format: 1))
    }
    #expect(try OffchainMessage(Self.legacy(text, format: 2)).text == text)
    #expect(try OffchainMessage(Self.legacy(Array(text.dropLast()), format: 0)).signers == nil)
  }

  @Test func theChainIsOneOfThree() throws {
    let key = try WalletKey(scheme)
    for (asked, claim) in [
      ("devnet", "solana:devnet"), ("solana:testnet", "solana:testnet"), ("", "solana:mainnet"),
    ] {
      let members = try key.signIn(site.answer(key, challenge, chain: asked))
      #expect(try scheme.verify(members, at: site).claims.map(\.value) == [claim])
    }
    #expect(throws: WalletRefusal.invalidRequest("chain_id must be mainnet, testnet or devnet")) {
      try site.answer(key, challenge, chain: "localnet")
    }
  }
}
