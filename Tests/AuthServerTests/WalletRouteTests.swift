import CGI
import Foundation
import TestSupport
import Testing
import Wallets
import Wire

@testable import AuthServer

/// Signing in with messages that name the site.
@Suite struct WalletRouteTests {
  private static let origin = "https://app.example.org"
  private static let messageSchemes: [any WalletScheme] = [EIP4361Scheme(), SIWSScheme()]
  private let backend: InProcess

  init() throws {
    backend = try InProcess {
      $0.issuer = "https://auth.example.org/realm"
      $0.siteOrigins = [Self.origin, "http://localhost:3000"]
      $0.ethereumChains = ["1", "10"]
    }
  }

  private func challenge(
    _ key: WalletKey, origin: String? = nil, adding members: String = "", at backend: InProcess? = nil
  ) throws -> HTTPAnswer {
    let body = #"{"address":"\#(key.address)","algorithm":"\#(key.scheme.name)"\#(members)}"#
    return (backend ?? self.backend).send(
      "POST", "/challenge", fields: origin.map { [("Origin", $0)] } ?? [], body: Array(body.utf8))
  }

  /// A sign-in whose wallet signs what `change` makes of the message.
  private func signIn(
    _ key: WalletKey, _ answer: HTTPAnswer, changing change: (String) -> String = { $0 },
    members: [String: String?] = [:]
  ) throws -> HTTPAnswer {
    let changed = change(answer.string("message"))
    let body = try key.signIn(
      WalletMembers { $0 == "message" ? changed : answer.string($0) }, changing: members)
    return try backend.postJSON("/sign-in", body)
  }

  // MARK: - The message

  @Test func theMessageNamesTheSite() throws {
    let key = try WalletKey(EIP4361Scheme())
    let answer = try challenge(key)
    #expect(answer.status == 200)
    #expect(answer["cache-control"] == "no-store")
    #expect(
      answer.string("message") == """
        app.example.org wants you to sign in with your Ethereum account:
        \(key.address)

        Sign in with your wallet

        URI: https://app.example.org
        Version: 1
        Chain ID: 1
        Nonce: \(answer.string("challenge"))
        Issued At: 2023-11-14T22:13:20Z
        Expiration Time: 2023-11-14T22:14:20Z
        """)
    let solana = try challenge(try WalletKey(SIWSScheme()), adding: #","chain_id":"devnet""#).string(
      "message")
    #expect(solana.contains("wants you to sign in with your Solana account:\n"))
    #expect(solana.contains("\nChain ID: devnet\n"))
  }

  @Test func theOriginIsThatOfTheRequestIfItIsListed() throws {
    let key = try WalletKey(EIP4361Scheme())
    let local = "http://localhost:3000"
    let listed = [
      try challenge(key, origin: local), try challenge(key, adding: #","uri":"\#(local)/login?x#y""#),
      try challenge(key, origin: local, adding: #","uri":"\#(local)""#),
    ]
    for answer in listed {
      #expect(answer.string("message").hasPrefix("localhost:3000 wants"))
      #expect(answer.string("message").contains("\nURI: \(local)\n"))
      #expect(try signIn(key, answer).status == 200)
    }
  }

  @Test(arguments: [
    "https://evil.example", "null", "https://app.example.org.", "https://app.example.org:444",
    "http://app.example.org",
    "https://app.example.org@evil.example", "https://user@app.example.org",
    "https://app.example.org.evil.example",
    "https://auth.example.org", "https://APP.example.org.", "https://\u{430}pp.example.org",
    "app.example.org", "x y",
    "https://evil.example/https://app.example.org", "https://app.example.org, https://evil.example",
  ])
  func anotherOriginIsRefusedAndNotRepeated(_ origin: String) throws {
    for scheme in Self.messageSchemes {
      let key = try WalletKey(scheme)
      let refused = [
        try challenge(key, origin: origin), try challenge(key, adding: #","uri":"\#(origin)""#),
        try challenge(key, origin: Self.origin, adding: #","uri":"\#(origin)""#),
        try challenge(key, origin: origin, adding: #","uri":"\#(Self.origin)""#),
      ]
      for answer in refused {
        #expect(answer.status == 400)
        #expect(answer.detail == "origin is not in site_origins")
        #expect(!answer.text.contains("evil"))
      }
    }
  }

  /// Clients of the peer send no algorithm and any origin.
  @Test func withoutAMessageTheAnswerIsAsEver() throws {
    let bodies = [
      #"{"address":"ab"}"#, #"{"address":"ab","algorithm":"Ed25519"}"#,
      #"{"address":"ab","uri":"https://evil.example"}"#,
    ]
    for body in bodies {
      let answer = backend.send(
        "POST", "/challenge", fields: [("Origin", "https://evil.example")], body: Array(body.utf8))
      #expect(try answer.json().members.map(\.name) == ["challenge", "ttl"])
    }
  }

  @Test func theIssuersOriginCountsWhereNoneIsListed() throws {
    let key = try WalletKey(EIP4361Scheme())
    let issuer = try InProcess { $0.issuer = "https://Auth.example.org:443/realm" }
    #expect(try challenge(key, at: issuer).string("message").hasPrefix("auth.example.org wants"))
    let urn = try InProcess { $0.issuer = "urn:example:issuer" }
    #expect(try challenge(key, at: urn).detail == "origin is not in site_origins")
  }

  @Test func aBadRequestForAChallengeTakesUpNoSpace() throws {
    let backend = try InProcess { $0.maximumPendingChallenges = 1 }
    let key = try WalletKey(EIP4361Scheme())
    let details = [
      #"{"address":"\#(key.address)","algorithm":"EIP-4361","chain_id":5}"#:
        "chain_id is not in ethereum_chain_ids",
      #"{"address":"\#(key.address)","algorithm":"EIP-4361","chain_id":1.5}"#:
        "chain_id must be a whole number or a string",
      #"{"address":"\#(key.address)0","algorithm":"EIP-4361"}"#: "address must be 40 hex digits",
      #"{"address":"11","algorithm":"SIWS"}"#: "address must be 32 bytes in base58",
      #"{"address":"11","algorithm":"EIP-191"}"#: "unsupported wallet algorithm: EIP-191",
      #"{"address":"11","algorithm":"Solana-raw"}"#: "unsupported wallet algorithm: Solana-raw",
      #"{"address":"11","algorithm":7}"#: "algorithm must be a string",
      #"{"address":"11","uri":7}"#: "uri must be a string",
    ]
    for (body, detail) in details {
      let answer = try backend.postJSON("/challenge", body)
      #expect(answer.status == 400)
      #expect(answer.detail.hasPrefix(detail), "\(answer.detail)")
    }
    #expect(try backend.postJSON("/challenge", #"{"address":"aa"}"#).status == 200)
  }

  // MARK: - The sign-in

  @Test func theAddressIsTakenInAnyCase() throws {
    let key = try WalletKey(EIP4361Scheme())
    let digits = key.address.dropFirst(2)
    for address in [key.address, String(digits), "0x" + digits.lowercased(), digits.uppercased()] {
      let answer = try challenge(key)
      let signedIn = try signIn(key, answer, members: ["address": address])
      #expect(signedIn.string("address") == key.address, "\(signedIn.text)")
      let claims = try backend.claims(signedIn.string("access_token"))
      #expect(claims["sub"] as? String == key.address)
      #expect(claims["chain"] as? String == "eip155:1")
    }
    let ten = try signIn(key, try challenge(key, adding: #","chain_id":10"#))
    #expect(try backend.claims(ten.string("access_token"))["chain"] as? String == "eip155:10")
  }

  /// Libraries make the message in the browser, with a bare challenge as its nonce.
  @Test func aPageMayMakeTheMessageItself() throws {
    let key = try WalletKey(EIP4361Scheme())
    let answer = try backend.postJSON("/challenge", #"{"address":"\#(key.address.lowercased())"}"#)
    let message = """
      https://app.example.org wants you to sign in with your Ethereum account:
      \(key.address)

      Hello: you!

      URI: https://app.example.org/login?a=b
      Version: 1
      Chain ID: 01
      Nonce: \(answer.string("challenge"))
      Issued At: 2023-11-14T23:13:20.000+01:00
      Not Before: 2023-11-14T22:13:20Z
      Request ID:\u{20}
      Resources:
      - ipfs://a
      """
    #expect(try signIn(key, answer, changing: { _ in message }).status == 200)
  }

  /// The same for Solana, whose addresses are in base58.
  @Test func aPageMayMakeASolanaMessageItself() throws {
    let key = try WalletKey(SIWSScheme())
    let template = try challenge(key)
    let bare = try backend.postJSON("/challenge", #"{"address":"\#(key.address)"}"#)
    #expect(bare.string("message").isEmpty)
    let message = template.string("message").replacing(
      template.string("challenge"), with: bare.string("challenge"))
    #expect(try signIn(key, bare, changing: { _ in message }).status == 200)
  }

  /// Wallets give an address in lower case, and operators paste it.
  @Test func aSubjectIsRevokedInAnySpelling() throws {
    let op = TestCredential.bearer(try backend.login().string("access_token"))
    for scheme in [EIP4361Scheme(), Ed25519Scheme()] as [any WalletScheme] {
      let key = try WalletKey(scheme)
      let token =
        scheme.signsMessages
        ? try signIn(key, challenge(key)).string("access_token")
        : try backend.signIn(key).string("access_token")
      let other =
        scheme.signsMessages ? key.address.lowercased() : "0x" + key.address.uppercased()
      let list = try backend.send("GET", "/sessions?sub=\(other)", as: op)
      #expect(try list.json()["items"]?.array?.count == 1)
      let answer = try backend.send("POST", "/revoke", as: op, #"{"sub":"\#(other)"}"#)
      #expect(try answer.json()["revoked"]?.object?["sessions"]?.integer == 1)
      #expect(try backend.send("GET", "/me", as: .bearer(token)).status == 401)
    }
  }

  private struct Attack {
    let name: String
    let status: Int
    let detail: String
    let change: (String) -> String

    init(_ name: String, _ status: Int, _ detail: String, _ change: @escaping (String) -> String) {
      (self.name, self.status, self.detail, self.change) = (name, status, detail, change)
    }

    static func replacing(_ status: Int, _ detail: String, _ old: String, _ new: String) -> Attack {
      Attack("\(old) -> \(new)", status, detail) { $0.replacing(old, with: new) }
    }
  }

  private static let domain = "app.example.org wants"

  /// Messages that a wallet really signs.
  private static var attacks: [Attack] {
    [
      .replacing(401, "message is for another domain", domain, "evil.example wants"),
      .replacing(401, "message is for another domain", domain, "app.example.org@evil.example wants"),
      .replacing(401, "message is for another domain", domain, "user@app.example.org wants"),
      .replacing(401, "message is for another domain", domain, "app.example.org. wants"),
      .replacing(401, "message is for another domain", domain, "APP.example.org wants"),
      .replacing(401, "message is for another domain", domain, "app.example.org:443 wants"),
      .replacing(401, "message is for another domain", domain, "app.example.org:8443 wants"),
      .replacing(401, "message is for another domain", domain, "example.org wants"),
      .replacing(401, "message is for a URI of another site", domain, "localhost:3000 wants"),
      .replacing(
        401, "message is for a URI of another site", "URI: https://app.example.org",
        "URI: http://app.example.org"),
      .replacing(
        401, "message is for a URI of another site", "URI: https://app.example.org",
        "URI: https://evil.example"),
      .replacing(
        401, "message is for a URI of another site", "URI: https://app.example.org",
        "URI: https://app.example.org:8443"),
      .replacing(
        401, "message is for a URI of another site", "URI: https://app.example.org",
        "URI: https://app.example.org@evil.example"),
      .replacing(
        401, "message is for a URI of another site", "URI: https://app.example.org", "URI: did:key:z6Mk"),
      .replacing(401, "message has no statement", "\n\nSign in with your wallet\n\n", "\n\n\n"),
      .replacing(401, "message has another nonce", "Nonce: ", "Nonce: 0"),
      .replacing(
        401, "message was issued in the future", "Issued At: 2023-11-14T22:13:20Z",
        "Issued At: 2023-11-14T22:13:20.5Z"),
      .replacing(401, "message was issued in the future", "Issued At: 2023", "Issued At: 2024"),
      .replacing(
        401, "message was issued too long ago", "Issued At: 2023-11-14T22", "Issued At: 2023-11-14T21"),
      .replacing(
        401, "message has expired", "Expiration Time: 2023-11-14T22:14:20Z",
        "Expiration Time: 2023-11-14T22:13:20Z"),
      Attack("not before", 401, "message is not valid yet") { $0 + "\nNot Before: 2023-11-14T22:13:20.001Z" },
      .replacing(400, "message is malformed: domain", domain, "\u{430}pp.example.org wants"),
      .replacing(400, "message is malformed: domain", domain, "https://https://app.example.org wants"),
      .replacing(400, "message is malformed: domain", domain, "app.example.org\nevil.example wants"),
      .replacing(
        400, "message is malformed: statement", "your wallet", "your wallet\nURI: https://evil.example"),
      .replacing(400, "message is malformed: Version", "Version: 1", "Version: 2"),
      .replacing(400, "message is malformed: Version", "\nURI: ", "\nURI: https://app.example.org\nURI: "),
      Attack("resource", 400, "message is malformed: Resources") {
        $0 + "\nResources:\n- https://a\nNonce: 12345678"
      },
      Attack("behind", 400, "message is malformed: Resources") { $0 + "\n" },
      Attack("none", 400, "address, signature, challenge, and message required") { _ in "" },
    ]
  }

  private static var ethereumAttacks: [Attack] {
    [
      .replacing(401, "message is for another domain", domain, "http://app.example.org wants"),
      .replacing(401, "message is for another chain", "Chain ID: 1", "Chain ID: 5"),
      .replacing(401, "message is for another chain", "Chain ID: 1", "Chain ID: 100"),
      .replacing(400, "message is malformed: address", "account:\n0x", "account:\n0X"),
      Attack("another account", 400, "address does not match message") {
        $0.replacing(/0x\w{40}/, with: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
      },
    ]
  }

  private static var solanaAttacks: [Attack] {
    [
      .replacing(400, "message is malformed: domain", domain, "https://app.example.org wants"),
      .replacing(400, "message is malformed: Chain ID", "Chain ID: mainnet", "Chain ID: localnet"),
      Attack("another account", 400, "address does not match message") {
        $0.replacing(/account:\n\w+/, with: "account:\nJEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG")
      },
    ]
  }

  /// Each has its answer. What could be read uses up the challenge, and the rest doesn't.
  @Test func aMessageForAnotherPurposeIsRefused() throws {
    for (scheme, attacks) in [
      (EIP4361Scheme() as any WalletScheme, Self.attacks + Self.ethereumAttacks),
      (SIWSScheme(), Self.attacks + Self.solanaAttacks),
    ] {
      for attack in attacks {
        let key = try WalletKey(scheme)
        let answer = try challenge(key)
        let original = answer.string("message")
        // Without a statement, Solana's form has one empty line.
        let change = { (message: String) in
          scheme.name == "SIWS" && attack.detail == "message has no statement"
            ? message.replacing("\n\nSign in with your wallet", with: "") : attack.change(message)
        }
        #expect(!change(original).hasSameBytes(as: original), "\(attack.name)")
        let refused = try signIn(key, answer, changing: change)
        #expect(refused.status == attack.status, "\(scheme.name) \(attack.name): \(refused.text)")
        #expect(refused.detail == attack.detail, "\(scheme.name) \(attack.name)")
        let isRead = !attack.detail.hasPrefix("message is malformed") && !attack.detail.hasSuffix("required")
        let again = try signIn(key, answer)
        #expect(again.status == (isRead ? 401 : 200), "\(scheme.name) \(attack.name)")
        if isRead { #expect(again.detail == "invalid or expired challenge") }
      }
    }
  }

  @Test func aSignatureThatProvesNothingIsRefused() throws {
    let scheme = EIP4361Scheme()
    func hex(_ body: String) throws -> [UInt8] {
      let signature = try JSONObject(parsing: Array(body.utf8))["signature"]?.string
      return try #require(signature.flatMap(Hex.decode))
    }
    let erc6492 = [UInt8](repeating: 0x64, count: 32)
    let changes: [(Int, String, ([UInt8]) -> [UInt8])] = [
      (401, "signature has a recovery byte other than 0, 1, 27 and 28", { $0.dropLast() + [29] }),
      (401, "signature has a recovery byte other than 0, 1, 27 and 28", { $0.dropLast() + [30] }),
      (401, "signature has a recovery byte other than 0, 1, 27 and 28", { $0.dropLast() + [2] }),
      (401, "signature has a recovery byte other than 0, 1, 27 and 28", { $0.dropLast() + [35] }),
      (401, "signature has a high s", { Array($0[..<32]) + [0xff] + $0[33...] }),
      (401, "signature verification failed", { $0.dropLast() + [55 - $0[64]] }),
      (401, "signature verification failed", { [UInt8](repeating: 0, count: 32) + $0[32...] }),
      (400, "contract wallets are not supported", { $0.dropLast() }),
      (400, "contract wallets are not supported", { $0 + [0] }),
      (400, "contract wallets are not supported", { $0 + [UInt8](repeating: 0, count: 31) + erc6492 }),
    ]
    for (status, detail, change) in changes {
      let key = try WalletKey(scheme)
      let answer = try challenge(key)
      let body = try key.signIn(WalletMembers { answer.string($0) })
      let refused = try signIn(key, answer, members: ["signature": Hex.encode(Array(change(hex(body))))])
      #expect(refused.detail == detail)
      #expect(refused.status == status)
      #expect(try signIn(key, answer).detail == "invalid or expired challenge")
    }
  }

  @Test(arguments: messageSchemes)
  func aChallengeIsForOneAddressAndOneUse(_ scheme: any WalletScheme) throws {
    let (key, other) = (try WalletKey(scheme), try WalletKey(scheme))
    let (mine, others) = (try challenge(key), try challenge(other))
    // The challenge of another address, in a message of one's own.
    let stolen = try signIn(
      key, mine, changing: { $0.replacing(mine.string("challenge"), with: others.string("challenge")) },
      members: ["challenge": others.string("challenge")])
    #expect(stolen.status == 401)
    #expect(stolen.detail == "invalid or expired challenge")
    let foreign = try signIn(other, others, members: ["address": key.address])
    #expect(foreign.detail == "invalid or expired challenge")
    #expect(try signIn(other, others).status == 200)
    #expect(try signIn(key, mine).status == 200)
    #expect(try signIn(key, mine).detail == "invalid or expired challenge")
  }

  @Test(arguments: messageSchemes)
  func aMessageIsGoodToTheEndOfItsChallenge(_ scheme: any WalletScheme) throws {
    let key = try WalletKey(scheme)
    backend.clock.advance(0.9)
    let (early, late) = (try challenge(key), try challenge(key))
    backend.clock.advance(59.9)
    #expect(try signIn(key, early).status == 200)
    backend.clock.advance(0.2)
    #expect(try signIn(key, late).detail == "invalid or expired challenge")
  }

  @Test func anotherEncodingOfTheMessageIsAnotherMessage() throws {
    let key = try WalletKey(EIP4361Scheme())
    let answer = try challenge(key)
    let body = try key.signIn(WalletMembers { answer.string($0) })
    // The same characters, escaped.
    let escaped = body.replacing("wallet", with: #"w\u0061llet"#)
    #expect(escaped != body)
    #expect(try backend.postJSON("/sign-in", escaped).status == 200)
    let second = try challenge(key)
    let signed = try key.signIn(WalletMembers { second.string($0) })
    let changed = try backend.postJSON("/sign-in", signed.replacing("your wallet", with: "your wallet!"))
    #expect(changed.detail == "signature verification failed")
  }

  // MARK: - The settings

  @Test func boundChallengesComeWithWhatIsSigned() throws {
    let bound = try InProcess {
      $0.challengeFormat = "bound"
      $0.siteOrigins = [Self.origin]
    }
    for scheme in WalletSchemes.all {
      let key = try WalletKey(scheme)
      let answer = try bound.signIn(key)
      #expect(answer.status == 200, "\(answer.text)")
      if !scheme.signsMessages {
        let bare = try bound.postJSON("/sign-in", try key.signIn(try bound.challenge(key.address)))
        #expect(bare.detail == "signature verification failed")
      }
    }
    let answer = try bound.postJSON("/challenge", #"{"address":"ab"}"#)
    #expect(answer.string("message") == "\(Self.origin)\n\(answer.string("challenge"))")
  }

  private static let mistakes: [(String, @Sendable (inout Settings) -> Void)] = [
    ("site_origins", { $0.siteOrigins = ["https://a.example/"] }),
    ("site_origins", { $0.siteOrigins = [Self.origin, "app.example.org"] }),
    ("sign_in_statement", { $0.signInStatement = "" }),
    ("sign_in_statement", { $0.signInStatement = "a\nb" }),
    ("sign_in_statement", { $0.signInStatement = "Gr\u{fc}ezi" }),
    ("ethereum_chain_ids", { $0.ethereumChains = ["1", "mainnet"] }),
    ("ethereum_chain_ids", { $0.ethereumChains = ["01"] }),
    ("ethereum_chain_ids", { $0.ethereumChains = ["0"] }),
    ("sign_in_statement", { $0.signInStatement = String(repeating: "a", count: 1025) }),
    ("ethereum_chain_ids", { $0.ethereumChains = ["99999999999999999999999"] }),
    ("challenge_format", { $0.challengeFormat = "Bound" }),
    (
      "challenge_format",
      {
        $0.challengeFormat = "bound"
        $0.issuer = "urn:x"
      }
    ),
  ]

  @Test(arguments: mistakes)
  func settingsThatMakeNoSenseAreRefused(_ name: String, _ change: @Sendable (inout Settings) -> Void) {
    var settings = Settings()
    change(&settings)
    #expect(SettingsReview(settings).mistakes.map(\.key) == [name])
  }

  @Test func anIssuerWithoutAnOriginIsWarnedAbout() {
    var settings = Settings()
    settings.issuer = "urn:x"
    #expect(SettingsReview(settings).warnings.contains { $0.contains("EIP-4361, SIWS") })
    settings.siteOrigins = [Self.origin]
    #expect(SettingsReview(settings).warnings.isEmpty)
  }
}
