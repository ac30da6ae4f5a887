import CSecp256k1
import Testing
import Wire

@testable import Wallets

@Suite struct EthereumTests {
  /// Values of Ethereum's own hash, which isn't SHA3-256.
  @Test func keccakIsThatOfEthereum() {
    func digest(_ text: String) -> String { Hex.encode(Keccak256.hash(Array(text.utf8))) }
    #expect(digest("") == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
    #expect(digest("abc") == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45")
  }

  /// Lengths around the ends of blocks. PyCryptodome made the value.
  @Test func keccakTakesAnyLength() {
    var digest: [UInt8] = []
    for length in 0..<600 {
      digest = Keccak256.hash(digest + (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7 + length) })
    }
    #expect(Hex.encode(digest) == "bf99e60497dba79773ff623d9c16c941da607e55e7bf06589c772be5ad57989e")
  }

  /// The addresses of EIP-55.
  @Test(arguments: [
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
  ])
  func anAddressHasAChecksum(_ text: String) {
    let digits = text.dropFirst(2)
    for spelling in [text, String(digits), "0x" + digits.lowercased(), "0X" + digits.uppercased()] {
      #expect(EthereumAddress(spelling)?.text == text)
    }
    #expect(EthereumAddress(checksummed: text) != nil)
    #expect(EthereumAddress(checksummed: String(digits)) == nil)
    // One letter in the other case, where both cases occur then.
    for index in digits.indices where digits[index].isLetter {
      let letter = String(digits[index])
      let swapped = letter == letter.lowercased() ? letter.uppercased() : letter.lowercased()
      let wrong = "0x" + digits.replacingCharacters(index, with: swapped)
      #expect(EthereumAddress(checksummed: wrong) == nil)
      let isMixed = wrong.dropFirst(2) != digits.lowercased() && wrong.dropFirst(2) != digits.uppercased()
      #expect((EthereumAddress(wrong) == nil) == isMixed, "\(wrong)")
    }
  }

  @Test func otherTextIsNoAddress() {
    let digits = "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    for text in [
      "", "0x", digits.dropLast(2) + "", digits + "00", "0x0x" + digits.dropLast(2), "0x" + digits + " ",
      "1x" + digits,
    ] {
      #expect(EthereumAddress(text) == nil, "\(text)")
    }
  }

  private static let message = Array("hello".utf8)
  private static let seed = [UInt8](repeating: 7, count: 32)

  private func signer(_ signature: [UInt8]) throws(EthereumSignature.Flaw) -> EthereumAddress {
    try EthereumSignature.signer(of: Self.message, signature: signature)
  }

  @Test func theRecoveryByteHasFourValues() throws {
    let signature = try EthereumSignature.sign(Self.message, seed: Self.seed)
    let key = try WalletKey(EIP4361Scheme(), seed: Self.seed)
    for byte in UInt8.min...UInt8.max {
      let changed = Array(signature.dropLast()) + [byte]
      if [signature[64], signature[64] - 27].contains(byte) {
        #expect(try signer(changed).text == key.address)
      } else if [0, 1, 27, 28].contains(byte) {
        #expect(try signer(changed).text != key.address)
      } else {
        #expect(throws: EthereumSignature.Flaw.recoveryByte) { try signer(changed) }
      }
    }
  }

  /// The order of the curve less s, and the other v, recover the same key.
  @Test func aHighSIsRefused() throws {
    var signature = try EthereumSignature.sign(Self.message, seed: Self.seed)
    var s = Array(signature[32..<64])
    #expect(secp256k1_ec_seckey_negate(Secp256k1Context.shared, &s) == 1)
    signature.replaceSubrange(32..<64, with: s)
    for byte: UInt8 in [27, 28] {
      signature[64] = byte
      #expect(throws: EthereumSignature.Flaw.highS) { try signer(signature) }
    }
  }

  @Test func numbersOutsideOfTheGroupMakeNoKey() throws {
    let signature = try EthereumSignature.sign(Self.message, seed: Self.seed)
    for range in [0..<32, 32..<64] {
      for byte: UInt8 in [0, 0xff] {
        var changed = signature
        changed.replaceSubrange(range, with: [UInt8](repeating: byte, count: 32))
        #expect(throws: EthereumSignature.Flaw.self) { try signer(changed) }
      }
    }
  }
}

extension Substring {
  fileprivate func replacingCharacters(_ index: Index, with text: String) -> String {
    self[..<index] + text + self[self.index(after: index)...]
  }
}
