import Foundation
import TestSupport
import Testing
import Wire

@testable import Tokens

/// Refresh tokens that are signed with HS256, and everything that must not pass for one.
@Suite struct RefreshTokenTests {
  /// Made once for all tests, as they take a while to make.
  private static let generated = Result { () throws(KeyError) in
    [try SigningKey.generate(kid: "k1"), try SigningKey.generate(kid: "k2")]
  }
  private let key: SigningKey
  private let newer: SigningKey
  private let ring: KeyRing
  private let clock = ManualClock()

  init() throws {
    let keys = try Self.generated.get()
    (key, newer) = (keys[0], keys[1])
    ring = try KeyRing(keys: [key])
  }

  private func verifier(_ ring: KeyRing? = nil) -> TokenVerifier {
    TokenVerifier(ring: ring ?? self.ring, issuer: "i", audience: "a", clock: clock.clock)
  }

  private func draft(_ algorithm: RefreshAlgorithm, isRefresh: Bool = true, ring: KeyRing? = nil)
    -> TokenDraft
  {
    TokenIssuer(
      ring: ring ?? self.ring, issuer: "i", audience: "a", refreshAlgorithm: algorithm, clock: clock.clock
    ).draft(
      subject: "s", role: "wallet", tokenID: TokenIssuer.newTokenID(), issuedAt: 1_700_000_000,
      expiry: 1_700_000_060, isRefresh: isRefresh)
  }

  /// A token with any header, signed by any means.
  private func forge(
    _ header: String, claims: String = #"{"iss":"i","aud":"a","exp":1700000060,"sub":"s","type":"refresh"}"#,
    _ sign: ([UInt8]) throws -> [UInt8]
  ) rethrows -> String {
    let input = Base64URL.encode(Array(header.utf8)) + [0x2e] + Base64URL.encode(Array(claims.utf8))
    return String(decoding: input + [0x2e] + Base64URL.encode(try sign(input)), as: UTF8.self)
  }

  /// HMAC with any bytes as the secret, by OpenSSL.
  private func mac(_ secret: [UInt8], _ input: [UInt8]) throws -> [UInt8] {
    let folder = TemporaryFolder()
    let path = try folder.write("input", String(decoding: input, as: UTF8.self))
    let result = try Tool.run([
      "openssl", "mac", "-digest", "SHA256", "-macopt", "hexkey:\(Hex.encode(secret))", "-in", path, "HMAC",
    ])
    return try #require(
      Hex.decode(result.output.trimmingCharacters(in: .whitespacesAndNewlines).lowercased()))
  }

  @Test(arguments: RefreshAlgorithm.allCases)
  func aRefreshTokenOfEitherAlgorithmIsVerified(_ algorithm: RefreshAlgorithm) throws {
    let draft = draft(algorithm)
    let token = try draft.sign()
    #expect(token.utf8.count == draft.length)
    #expect(try draft.sign() == token)
    let claims = try verifier().verify(token, as: .refresh)
    #expect(claims.tokenID == draft.tokenID)
    #expect(claims.type == "refresh")
    clock.advance(60)
    #expect(throws: TokenError.expired) { try verifier().verify(token, as: .refresh) }
  }

  @Test func theHeaderNamesASecretThatNoKeySetLists() throws {
    let token = try draft(.hs256).sign()
    let header = try #require(Base64URL.decode(Array(token.utf8.prefix { $0 != 0x2e })[...]))
    #expect(String(decoding: header, as: UTF8.self) == #"{"alg":"HS256","typ":"JWT","kid":"k1/refresh"}"#)
    #expect(!String(decoding: ring.keySet, as: UTF8.self).contains("refresh"))
    #expect(throws: KeyError.self) { try KeyRing(keys: [try renamed(newer, "k1/refresh")]) }
  }

  private func renamed(_ key: SigningKey, _ name: String) throws -> SigningKey {
    try SigningKey(kid: name, pem: try key.pem(passphrase: nil), passphrase: nil)
  }

  @Test func noHS256TokenGivesAccess() throws {
    let refresh = try draft(.hs256).sign()
    #expect(throws: TokenError.invalid("algorithm is not allowed")) { try verifier().verify(refresh) }
    // Genuine to the last bit, but for `type`.
    let untyped = try forge(
      #"{"alg":"HS256","typ":"JWT","kid":"k1/refresh"}"#,
      claims: #"{"iss":"i","aud":"a","exp":1700000060,"sub":"s","role":"operator"}"#
    ) { try key.refresh.sign($0) }
    #expect(try verifier().verify(untyped, as: .refresh).role == "operator")
    #expect(throws: TokenError.invalid("algorithm is not allowed")) { try verifier().verify(untyped) }
  }

  @Test func accessTokensAreAlwaysRS256() throws {
    let token = try draft(.hs256, isRefresh: false).sign()
    #expect(try verifier().verify(token).type == nil)
    // The caller tells it from a refresh token by `type`, which an access token lacks.
    #expect(try verifier().verify(token, as: .refresh).type == nil)
  }

  @Test func aKeyIsUsedWithItsOwnAlgorithmOnly() throws {
    let publicKey = try publicForms()
    for kid in ["k1", "k1/refresh", "k2", "k2/refresh", "", "/refresh", "k1/refresh/refresh"] {
      let header = #"{"alg":"HS256","typ":"JWT","kid":"\#(kid)"}"#
      for secret in publicKey + [[]] {
        let token = try forge(header) { try mac(secret, $0) }
        #expect(throws: TokenError.self, "\(kid)") { try verifier().verify(token, as: .refresh) }
        #expect(throws: TokenError.self, "\(kid)") { try verifier().verify(token) }
      }
      // The right secret under the wrong name, and another key's secret under any.
      let signers = kid == "k1/refresh" ? [newer.refresh] : [key.refresh, newer.refresh]
      for signer in signers {
        let token = try forge(header) { try signer.sign($0) }
        #expect(throws: TokenError.self, "\(kid)") { try verifier().verify(token, as: .refresh) }
      }
    }
    for header in [
      #"{"alg":"RS256","typ":"JWT","kid":"k1/refresh"}"#, #"{"alg":"HS256","typ":"JWT","kid":"k1"}"#,
      #"{"alg":"hs256","typ":"JWT","kid":"k1/refresh"}"#, #"{"alg":"HS384","typ":"JWT","kid":"k1/refresh"}"#,
      #"{"alg":"none","typ":"JWT","kid":"k1/refresh"}"#, #"{"alg":"none","typ":"JWT","kid":"k1"}"#,
      #"{"alg":["HS256"],"kid":"k1/refresh"}"#, #"{"typ":"JWT","kid":"k1/refresh"}"#,
      #"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"HS256","kid":"K1/refresh"}"#,
      #"{"alg":"HS256","kid":"k1\/refresh","jwk":{}}"#,
    ] {
      for sign in [key.sign, key.refresh.sign, { _ in [] }] as [([UInt8]) throws -> [UInt8]] {
        let token = try forge(header) { try sign($0) }
        #expect(throws: TokenError.self, "\(header)") { try verifier().verify(token, as: .refresh) }
        #expect(throws: TokenError.self, "\(header)") { try verifier().verify(token) }
      }
    }
  }

  /// What an attacker has: the public key in every form that a library might take for an HMAC secret.
  private func publicForms() throws -> [[UInt8]] {
    let folder = TemporaryFolder()
    let file = try folder.write("key.pem", String(decoding: try key.pem(passphrase: nil), as: UTF8.self))
    func publicKey(_ form: String) throws -> [UInt8] {
      let path = folder.file("public.\(form)")
      let result = try Tool.run(["openssl", "pkey", "-in", file, "-pubout", "-outform", form, "-out", path])
      #expect(result.status == 0, "\(result.errors)")
      return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    let modulus = key.verification.modulus
    return [
      try publicKey("PEM"), try publicKey("DER"), modulus, Base64URL.encode(modulus), ring.keySet,
    ]
  }

  @Test func everyOtherMACIsRefused() throws {
    let token = try draft(.hs256).sign()
    let dot = try #require(token.lastIndex(of: "."))
    let (input, text) = (String(token[...dot]), String(token[token.index(after: dot)...]))
    let mac = try #require(Base64URL.decode(Array(text.utf8)[...]))
    #expect(mac.count == 32)
    var wrong =
      (0..<32).map { Array(mac.prefix($0)) } + [mac + [0], mac + mac, [UInt8](repeating: 0, count: 32)]
    for bit in 0..<256 {
      var flipped = mac
      flipped[bit / 8] ^= 1 << (bit % 8)
      wrong.append(flipped)
    }
    for mac in wrong {
      let forged = input + String(decoding: Base64URL.encode(mac), as: UTF8.self)
      #expect(throws: TokenError.self) { try verifier().verify(forged, as: .refresh) }
    }
    // 32 bytes leave two unused bits in the last of 43 digits. RFC 4648, section 3.5.
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let digit = try #require(text.last)
    let last = try #require(digits.firstIndex(of: digit))
    for unused in 1...3 {
      #expect(throws: TokenError.self) {
        try verifier().verify("\(input)\(text.dropLast())\(digits[last | unused])", as: .refresh)
      }
    }
    for end in ["=", "A", "\n"] {
      #expect(throws: TokenError.self) { try verifier().verify(token + end, as: .refresh) }
    }
  }

  @Test func anOlderKeysTokensPassWhileTheKeyIsInTheRing() throws {
    let token = try draft(.hs256).sign()
    let both = try KeyRing(keys: [key, newer])
    #expect(try verifier(both).verify(token, as: .refresh).subject == "s")
    #expect(throws: TokenError.invalid("unknown key")) {
      try verifier(try KeyRing(keys: [newer])).verify(token, as: .refresh)
    }
    #expect(try verifier(both).verify(try draft(.hs256, ring: both).sign(), as: .refresh).subject == "s")
    #expect(throws: TokenError.self) {
      try verifier().verify(try draft(.hs256, ring: both).sign(), as: .refresh)
    }
    // Another server's key of the same name.
    let stranger = try KeyRing(keys: [try renamed(newer, "k1")])
    #expect(throws: TokenError.self) { try verifier(stranger).verify(token, as: .refresh) }
  }

  @Test func eachReaderOfTheSameKeyDerivesTheSameSecret() throws {
    let folder = TemporaryFolder()
    let pem = String(decoding: try key.pem(passphrase: nil), as: UTF8.self)
    let plain = try folder.write("plain.pem", pem, mode: 0o600)
    let (old, locked) = (folder.file("old.pem"), folder.file("locked.pem"))
    for arguments in [
      ["rsa", "-traditional", "-in", plain, "-out", old],
      ["pkcs8", "-topk8", "-passout", "pass:secret", "-in", plain, "-out", locked],
    ] {
      #expect(try Tool.run(["openssl"] + arguments).status == 0)
    }
    let rings = [
      try KeyFiles(path: plain, passphrase: nil).ring(),
      try KeyFiles(path: plain, passphrase: nil, isDeferred: true).ring(),
      try KeyFiles(path: old, passphrase: nil, isDeferred: true).ring(),
      try KeyFiles(path: locked, passphrase: "secret").ring(),
      try KeyRing(
        privateDocument: try KeyRing(keys: [try renamed(key, KeyFiles.firstName)]).privateDocument()),
    ]
    for issuing in rings {
      let token = try draft(.hs256, ring: issuing).sign()
      for reading in rings {
        #expect(try verifier(reading).verify(token, as: .refresh).subject == "s")
      }
    }
  }

  /// OpenSSL's own HKDF and HMAC agree: the secret depends on nothing but the key and the label, so the next version of
  /// this program derives it too.
  @Test func theSecretIsHKDFOfThePrivateExponent() throws {
    let folder = TemporaryFolder()
    let file = try folder.write("key.pem", String(decoding: try key.pem(passphrase: nil), as: UTF8.self))
    let text = try Tool.run(["openssl", "pkey", "-in", file, "-noout", "-text"]).output
    let exponent = try #require(text.components(separatedBy: "privateExponent:").last)
      .components(separatedBy: "prime1:")[0].filter(\.isHexDigit)
    let derived = try Tool.run([
      "openssl", "kdf", "-keylen", "32", "-kdfopt", "digest:SHA256",
      "-kdfopt", "hexkey:\(exponent.hasPrefix("00") ? String(exponent.dropFirst(2)) : exponent)",
      "-kdfopt", "info:pico-auth refresh token HS256 v1", "-binary", "-out", folder.file("secret"), "HKDF",
    ])
    #expect(derived.status == 0, "\(derived.errors)")
    let secret = Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("secret"))))
    #expect(secret.count == 32)
    let message = Array("header.payload".utf8)
    #expect(try key.refresh.sign(message) == mac(secret, message))
  }
}
