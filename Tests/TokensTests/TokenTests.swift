import POSIX
import TestSupport
import Testing
import Wire

@testable import Tokens

@Suite struct TokenTests {
  /// One for all tests, as it takes a while to make.
  private static let generated = Result { () throws(KeyError) in try SigningKey.generate(kid: "k1") }
  private let key: SigningKey
  private let clock = ManualClock()
  private let ring: KeyRing

  init() throws {
    key = try Self.generated.get()
    ring = try KeyRing(keys: [key])
  }

  private var issuer: TokenIssuer {
    TokenIssuer(ring: ring, issuer: "https://a.example", audience: "pico", clock: clock.clock)
  }
  private var verifier: TokenVerifier {
    TokenVerifier(ring: ring, issuer: "https://a.example", audience: "pico", clock: clock.clock)
  }

  private func issue() throws -> String {
    try issuer.draft(subject: "s", role: "wallet", lifetime: 60).sign()
  }

  /// A token with any header and claims, signed with the real key.
  private func forge(header: String? = nil, claims: String) throws -> String {
    let header = header ?? #"{"alg":"RS256","typ":"JWT","kid":"k1"}"#
    let signed = Base64URL.encode(Array(header.utf8)) + [0x2e] + Base64URL.encode(Array(claims.utf8))
    return String(
      decoding: signed + [0x2e] + Base64URL.encode(try key.sign(signed)), as: UTF8.self)
  }

  private func claims(_ changes: [String: String?] = [:]) -> String {
    var all: [String: String] = [
      "iss": "\"https://a.example\"", "aud": "\"pico\"", "exp": "1700000060", "iat": "1700000000",
      "sub": "\"s\"", "jti": "\"j\"",
    ]
    for (name, value) in changes { all[name] = value }
    return "{" + all.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
  }

  @Test func issuesWhatItVerifies() throws {
    let token = issuer.draft(subject: "s", role: "wallet", lifetime: 60, claims: [("algorithm", "Ed25519")])
    let text = try token.sign()
    #expect(text.utf8.count == token.length)
    let claims = try verifier.verify(text)
    #expect(claims.subject == "s")
    #expect(claims.role == "wallet")
    #expect(claims.tokenID == token.tokenID)
    #expect(token.tokenID.utf8.count == 32)
    #expect(claims.all["iss"]?.string == "https://a.example")
    #expect(claims.all["aud"]?.string == "pico")
    #expect(claims.all["iat"]?.integer == 1_700_000_000)
    #expect(claims.all["exp"]?.integer == 1_700_000_060)
    #expect(claims.all["algorithm"]?.string == "Ed25519")
    #expect(try issue() != issue())
  }

  @Test func expiresToTheSecond() throws {
    let token = try issue()
    clock.advance(59.9)
    #expect(try verifier.verify(token).subject == "s")
    clock.advance(0.1)
    #expect(throws: TokenError.expired) { try verifier.verify(token) }
  }

  @Test func everyFlippedBitIsNoticed() throws {
    let token = Array(try issue().utf8)
    for position in token.indices {
      var flipped = token
      flipped[position] ^= 1
      #expect(throws: TokenError.self, "byte \(position)") {
        try verifier.verify(String(decoding: flipped, as: UTF8.self))
      }
    }
  }

  @Test func refusesAnythingThatIsNotThreeWholeParts() throws {
    let token = try issue()
    let parts = token.split(separator: ".").map(String.init)
    for text in [
      "", ".", "..", "...", token + ".", token + "=", "." + token, token + "." + token, parts[0],
      "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", " " + token, token + "\n",
      String(repeating: "a", count: 40000),
    ] {
      #expect(throws: TokenError.self) { try verifier.verify(text) }
    }
  }

  @Test(arguments: [
    #"{"alg":"none","kid":"k1"}"#, #"{"alg":"HS256","kid":"k1"}"#, #"{"alg":"rs256","kid":"k1"}"#,
    #"{"alg":"RS512","kid":"k1"}"#, #"{"alg":"PS256","kid":"k1"}"#, #"{"kid":"k1"}"#,
    #"{"alg":"RS256"}"#, #"{"alg":"RS256","kid":"k2"}"#, #"{"alg":"RS256","kid":"\u212a1"}"#,
    #"{"alg":"RS256","kid":1}"#, #"{"alg":"RS256","kid":"k1","crit":["x"]}"#,
    #"{"alg":"RS256","kid":"k1","jku":"https://evil"}"#, #"{"alg":"RS256","kid":"k1","jwk":{}}"#,
    #"{"alg":"RS256","kid":"k1","x5u":"https://evil"}"#, #"{"alg":"RS256","kid":"k1","b64":false}"#,
    #"{"alg":"RS256","kid":"k1","typ":"at+jwt"}"#, #"{"alg":"RS256","alg":"none","kid":"k1"}"#,
    "[]", "",
  ])
  func refusesOtherHeaders(_ header: String) throws {
    let token = try forge(header: header, claims: claims())
    #expect(throws: TokenError.self) { try verifier.verify(token) }
  }

  @Test func takesWhatRFC7519Allows() throws {
    for changes: [String: String?] in [
      [:], ["aud": #"["other","pico"]"#], ["exp": "1700000060.5"], ["iat": nil], ["jti": nil],
      ["sub": nil], ["nbf": "1700000000"],
    ] {
      _ = try verifier.verify(try forge(claims: claims(changes)))
    }
    _ = try verifier.verify(try forge(header: #"{"kid":"k1","alg":"RS256"}"#, claims: claims()))
  }

  @Test func refusesClaimsThatAreNotForUs() throws {
    for changes: [String: String?] in [
      ["iss": "\"https://b.example\""], ["iss": nil], ["iss": "[\"https://a.example\"]"],
      ["aud": "\"other\""], ["aud": nil], ["aud": "[]"], ["aud": "{\"pico\":1}"],
      ["exp": nil], ["exp": "\"1700000060\""], ["exp": "null"], ["iat": "\"now\""],
      ["iat": "1700000100"], ["nbf": "1700000100"], ["nbf": "\"x\""], ["sub": "1"], ["jti": "[]"],
    ] {
      let token = try forge(claims: claims(changes))
      #expect(throws: TokenError.self, "\(changes)") { try verifier.verify(token) }
    }
    for text in ["[]", "1", "", "{\"exp\":1,\"exp\":2}"] {
      let token = try forge(claims: text)
      #expect(throws: TokenError.self) { try verifier.verify(token) }
    }
  }

  @Test func anotherKeysTokenIsRefusedAndARetiredKeysIsNot() throws {
    let newer = try SigningKey.generate(kid: "k2")
    let token = try issue()
    let both = TokenVerifier(
      ring: try KeyRing(keys: [key, newer]), issuer: "https://a.example", audience: "pico",
      clock: clock.clock)
    #expect(try both.verify(token).subject == "s")
    let stranger = try SigningKey.generate(kid: "k1")
    let other = TokenVerifier(
      ring: try KeyRing(keys: [stranger]), issuer: "https://a.example", audience: "pico",
      clock: clock.clock)
    #expect(throws: TokenError.self) { try other.verify(token) }
  }
}
