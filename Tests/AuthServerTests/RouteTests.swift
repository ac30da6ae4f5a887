import AuthServer
import Foundation
import TestSupport
import Testing
import Wallets

@Suite struct RouteTests {
  private let backend: InProcess

  init() throws { backend = try InProcess() }

  @Test(arguments: BadRequest.all)
  func aBadRequestIsRefused(_ bad: BadRequest) throws {
    let answer = backend.send(
      bad.method, bad.path, fields: bad.fields, body: bad.body.map { Array($0.utf8) })
    #expect(answer.status == bad.status)
    #expect(answer.detail.contains(bad.detail), "\(answer.detail)")
    #expect(answer["content-type"] == "application/problem+json")
    #expect(try answer.json()["status"]?.integer == bad.status)
    if bad.status == 401 {
      let challenge = answer["www-authenticate"] ?? ""
      #expect(challenge.hasPrefix("Bearer error=\"invalid_token\", error_description=\""))
    }
  }

  @Test(arguments: WalletSchemes.all)
  func aWalletSignsIn(_ scheme: any WalletScheme) throws {
    let key = try WalletKey(scheme)
    let answer = try backend.signIn(key)
    #expect(answer.status == 200)
    #expect(answer["cache-control"] == "no-store")
    #expect(answer.string("token_type") == "Bearer")
    #expect(try answer.json()["expires_in"]?.integer == 900)
    #expect(answer.string("address") == key.address)
    #expect(answer.string("algorithm") == scheme.name)
    let access = try backend.claims(answer.string("access_token"))
    var names: Set = ["sub", "wallet_address", "role", "algorithm", "iss", "aud", "iat", "exp", "jti", "sid"]
    if scheme.signsMessages { names.insert("chain") }
    #expect(Set(access.keys) == names)
    #expect(access["sub"] as? String == key.address)
    #expect(access["wallet_address"] as? String == key.address)
    #expect(access["role"] as? String == "wallet")
    #expect(try backend.lifetime(access) == 900)
    let refresh = try backend.claims(answer.string("refresh_token"))
    #expect(Set(refresh.keys) == ["sub", "iss", "aud", "iat", "exp", "jti", "type", "role", "sid"])
    #expect(refresh["sid"] as? String == access["sid"] as? String)
    #expect(refresh["type"] as? String == "refresh")
    #expect(try backend.lifetime(refresh) == 7 * 86400)
  }

  @Test func mldsa65IsMeantWhereNoAlgorithmIsNamed() throws {
    let key = try WalletKey(MLDSA65Scheme())
    #expect(try backend.signIn(key, changing: ["algorithm": nil]).status == 200)
  }

  @Test func aChallengeHasTheFormOfTheContract() throws {
    let answer = try backend.postJSON("/challenge", #"{"address":"ab","extra":[1]}"#)
    #expect(answer.status == 200)
    #expect(answer.string("challenge").wholeMatch(of: /[0-9a-f]{64}/) != nil)
    #expect(try answer.json()["ttl"]?.integer == 60)
    #expect(answer["cache-control"] == "no-store")
    // An absent Content-Type is taken as JSON.
    #expect(backend.send("POST", "/challenge", body: Array(#"{"address":"ab"}"#.utf8)).status == 200)
  }

  @Test func theAddressIsTakenInAnySpelling() throws {
    let key = try WalletKey(Ed25519Scheme())
    for address in [key.address.uppercased(), "0x" + key.address, "0X" + key.address.uppercased()] {
      let challenge = try backend.challenge(address)
      let body = try key.signIn(challenge, changing: ["address": address])
      let answer = try backend.postJSON("/sign-in", body)
      #expect(answer.status == 200)
      #expect(answer.string("address") == key.address)
    }
  }

  @Test func hexIsTakenInAnySpelling() throws {
    let key = try WalletKey(Ed25519Scheme())
    let challenge = try backend.challenge(key.address)
    let body = try key.signIn(
      challenge, changing: ["public_key": "0x" + key.address.uppercased()])
    #expect(try backend.postJSON("/sign-in", body).status == 200)
  }

  @Test func anotherAddressThanTheKeysIsRefused() throws {
    let key = try WalletKey(Ed25519Scheme())
    let victim = try WalletKey(Ed25519Scheme())
    let challenge = try backend.challenge(victim.address)
    let body = try key.signIn(challenge, changing: ["address": victim.address])
    let answer = try backend.postJSON("/sign-in", body)
    #expect(answer.status == 400)
    #expect(answer.detail == "address does not match verified public key")
  }

  @Test func aChallengeOfAnotherAddressIsRefused() throws {
    let key = try WalletKey(Ed25519Scheme())
    let challenge = try backend.challenge("00")
    let answer = try backend.postJSON("/sign-in", try key.signIn(challenge))
    #expect(answer.status == 401)
    #expect(answer.detail == "invalid or expired challenge")
  }

  @Test func aWellFormedAttemptUsesUpItsChallengeAndAnyOtherDoesNot() throws {
    let key = try WalletKey(Ed25519Scheme())
    let challenge = try backend.challenge(key.address)
    // Unparsable: nothing is used up.
    for changes in [["signature": "zz"], ["algorithm": "RSA"], ["public_key": "0"]] {
      #expect(try backend.postJSON("/sign-in", key.signIn(challenge, changing: changes)).status == 400)
    }
    let wrong = String(repeating: "00", count: 64)
    let refused = try backend.postJSON("/sign-in", key.signIn(challenge, changing: ["signature": wrong]))
    #expect(refused.status == 401)
    #expect(refused.detail == "signature verification failed")
    let again = try backend.postJSON("/sign-in", key.signIn(challenge))
    #expect(again.detail == "invalid or expired challenge")
  }

  @Test func aChallengeExpires() throws {
    let key = try WalletKey(Ed25519Scheme())
    let challenge = try backend.challenge(key.address)
    backend.clock.advance(60.5)
    #expect(try backend.postJSON("/sign-in", key.signIn(challenge)).status == 401)
  }

  @Test func anAlgorithmThatIsNotSupportedIsRefused() throws {
    let backend = try InProcess { $0.walletAlgorithms = ["secp256k1"] }
    let key = try WalletKey(Ed25519Scheme())
    let refused = [
      try backend.postJSON("/sign-in", key.signIn(backend.challenge(key.address))),
      try backend.postJSON("/challenge", #"{"address":"\#(key.address)","algorithm":"Ed25519"}"#),
    ]
    for answer in refused {
      #expect(answer.status == 400)
      #expect(answer.detail == "unsupported wallet algorithm: Ed25519")
    }
  }

  @Test func tooManyChallengesAreRefusedUntilSomeExpire() throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 2 }
    for _ in 0..<2 { _ = try backend.challenge("aa") }
    let answer = try backend.postJSON("/challenge", #"{"address":"bb"}"#)
    #expect(answer.status == 503)
    #expect(answer["retry-after"] == "60")
    backend.clock.advance(61)
    #expect(try backend.postJSON("/challenge", #"{"address":"bb"}"#).status == 200)
  }

  @Test func aStoreThatCanNotBeWrittenIsA503WithoutItsPath() throws {
    let backend = try InProcess { $0.challengePath = "/proc/nowhere/challenges.jsonl" }
    let answer = try backend.postJSON("/challenge", #"{"address":"bb"}"#)
    #expect(answer.status == 503)
    #expect(answer["retry-after"] == "1")
    #expect(!answer.text.contains("/proc"))
  }
}
