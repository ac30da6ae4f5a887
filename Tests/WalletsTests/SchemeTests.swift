import Testing
import Wallets
import Wire

/// What every scheme of the registry does, whatever its requests look like.
@Suite struct SchemeTests {
  private let challenge = String(repeating: "0123456789abcdef", count: 4)

  private let site = WalletSite.example()

  private func members(_ key: WalletKey) throws -> [String: String] {
    try key.signIn(try site.answer(key, challenge))
  }

  @Test(arguments: WalletSchemes.all)
  func aSignInProvesItsAddress(_ scheme: any WalletScheme) throws {
    let key = try WalletKey(scheme)
    let attempt = try scheme.attempt(members(key))
    #expect(attempt.address == (try scheme.binding(of: key.address)))
    #expect(attempt.challenge == challenge)
    #expect(try attempt.verify(at: site).subject == key.address)
  }

  @Test(arguments: WalletSchemes.all)
  func anyChangedMemberIsRefused(_ scheme: any WalletScheme) throws {
    let (mine, other) = (try members(WalletKey(scheme)), try members(WalletKey(scheme)))
    for (name, value) in mine where name != "algorithm" {
      let last = try #require(value.last)
      for change in [String(value.dropLast()) + (last == "1" ? "2" : "1"), "", other[name] ?? ""] {
        var changed = mine
        changed[name] = change
        if change == value { continue }
        #expect(throws: WalletRefusal.self, "\(name)") { try scheme.verify(changed, at: site) }
        if change.isEmpty { #expect(throws: WalletRefusal.self, "\(name)") { try scheme.attempt(changed) } }
      }
    }
  }

  @Test(arguments: WalletSchemes.all)
  func anotherKeysSignatureIsNoProof(_ scheme: any WalletScheme) throws {
    var mine = try members(WalletKey(scheme))
    mine["signature"] = try members(WalletKey(scheme))["signature"]
    #expect(throws: WalletRefusal.notProven("signature verification failed")) {
      try scheme.verify(mine, at: site)
    }
  }

  /// The site's origin stands before the challenge, so that no other site can relay it.
  @Test(arguments: WalletSchemes.all.compactMap { $0 as? any PublicKeyScheme })
  func aBoundChallengeIsGoodForItsSiteAlone(_ scheme: any PublicKeyScheme) throws {
    let key = try WalletKey(scheme)
    let bare = try members(key)
    var bound = WalletSite.example("https://example.org", "https://two.example")
    bound.bindsChallenges = true
    var evil = WalletSite.example("https://evil.example")
    evil.bindsChallenges = true
    #expect(try bound.answer(key, challenge)["message"] == "https://example.org\n\(challenge)")
    #expect(try scheme.verify(key.signIn(bound.answer(key, challenge)), at: bound).subject == key.address)
    bound.origins.reverse()
    #expect(try scheme.verify(key.signIn(bound.answer(key, challenge)), at: bound).subject == key.address)
    for members in [bare, try key.signIn(evil.answer(key, challenge))] {
      #expect(throws: WalletRefusal.notProven("signature verification failed")) {
        try scheme.verify(members, at: bound)
      }
    }
    #expect(throws: WalletRefusal.notProven("signature verification failed")) {
      try scheme.verify(key.signIn(bound.answer(key, challenge)), at: site)
    }
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
