import Testing
import Wallets
import Wire

/// What every scheme of the registry does, whatever its requests look like.
@Suite struct SchemeTests {
  private let challenge = String(repeating: "0123456789abcdef", count: 4)

  private func members(_ key: WalletKey) throws -> [(name: String, value: String)] {
    try key.signIn(answering: WalletMembers { $0 == "challenge" ? challenge : "" })
  }

  private func attempt(
    _ scheme: any WalletScheme, _ members: [(name: String, value: String)]
  ) throws -> any WalletAttempt {
    try scheme.parse(WalletMembers { name in members.first { $0.name == name }?.value ?? "" })
  }

  @Test(arguments: WalletSchemes.all)
  func aSignInProvesItsAddress(_ scheme: any WalletScheme) throws {
    let key = try WalletKey(scheme)
    let attempt = try attempt(scheme, members(key))
    #expect(attempt.address == key.address)
    #expect(attempt.challenge == challenge)
    #expect(try attempt.verify().subject == key.address)
  }

  @Test(arguments: WalletSchemes.all)
  func anyChangedMemberIsRefused(_ scheme: any WalletScheme) throws {
    let (mine, other) = (try members(WalletKey(scheme)), try members(WalletKey(scheme)))
    for (index, member) in mine.enumerated() where member.name != "algorithm" {
      var changed = mine
      // The last hex digit with a bit flipped.
      let digit = try #require(member.value.last?.hexDigitValue)
      changed[index].value = String(member.value.dropLast()) + String(digit ^ 1, radix: 16)
      #expect(throws: WalletRefusal.self, "\(member.name)") { try attempt(scheme, changed).verify() }
      changed[index].value = ""
      #expect(throws: WalletRefusal.self, "\(member.name)") { try attempt(scheme, changed) }
      if other[index].value != member.value {
        changed[index].value = other[index].value
        #expect(throws: WalletRefusal.self, "\(member.name)") { try attempt(scheme, changed).verify() }
      }
    }
  }

  @Test(arguments: WalletSchemes.all)
  func anotherKeysSignatureIsNoProof(_ scheme: any WalletScheme) throws {
    var mine = try members(WalletKey(scheme))
    let other = try members(WalletKey(scheme))
    let index = try #require(mine.firstIndex { $0.name == "signature" })
    mine[index] = other[index]
    let attempt = try attempt(scheme, mine)
    #expect(throws: WalletRefusal.notProven("signature verification failed")) { try attempt.verify() }
  }

  @Test func everySchemeIsFoundByItsNameAlone() {
    for scheme in WalletSchemes.all {
      #expect(WalletSchemes.all.count { $0.name.hasSameBytes(as: scheme.name) } == 1)
      #expect(WalletSchemes.named(scheme.name)?.name == scheme.name)
      #expect(WalletSchemes.named(scheme.name + " ") == nil)
    }
    #expect(WalletSchemes.named(WalletSchemes.whenLeftOut.name) != nil)
    #expect(WalletSchemes.named("ed25519") == nil)
    #expect(WalletSchemes.named("") == nil)
  }

  /// The Kelvin sign equals K, as strings compare.
  @Test func namesAreComparedAsBytes() {
    let schemes: [any WalletScheme] = [Renamed(name: "K")]
    #expect(schemes.named("K") != nil)
    #expect("\u{212a}" == "K")
    #expect(schemes.named("\u{212a}") == nil)
  }
}

private struct Renamed: PublicKeyScheme {
  let name: String

  func verifies(signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool { false }
  func publicKey(seed: [UInt8]) -> [UInt8] { seed }
  func sign(_ message: [UInt8], seed: [UInt8]) -> [UInt8] { message }
}
