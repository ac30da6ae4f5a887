import TestSupport
import Testing
import Wire

@testable import Wallets

/// The vectors of spruceid/siwe. Where this program decides otherwise, the difference stands here.
@Suite struct SIWEVectorTests {
  private static let parsing = Result { try Vector.all("siwe-parsing") }
  private static let verification = Result { try Vector.all("siwe-verification") }

  private func text(_ column: String) throws -> String {
    String(decoding: try Vector.bytes(column), as: UTF8.self)
  }

  @Test func messagesAreReadAsTheyAre() throws {
    let vectors = try Self.parsing.get()
    #expect(Vector.counts(vectors) == ["valid": 19, "invalid": 47])
    for vector in vectors {
      let bytes = try Vector.bytes(vector.values[0])
      guard vector.mustPass else {
        #expect(throws: MessageError.self, "\(vector.id)") { try SignInMessage(bytes, format: .ethereum) }
        continue
      }
      let message = try SignInMessage(bytes, format: .ethereum)
      #expect(Array(message.text.utf8) == bytes, "\(vector.id)")
      let fields = [
        message.scheme ?? "", message.domain, message.address, message.statement ?? "", message.uri,
        message.chain,
        message.nonce, message.issuedAt.text, (message.resources ?? []).joined(separator: "\n"),
      ]
      #expect(fields == (try vector.values[1...].map(text)), "\(vector.id)")
    }
  }

  /// Each refusal, by the vector. Those of the kind `valid` are refused because the rules here are stricter.
  private static let refusals: [String: WalletRefusal] = [
    // It is verified as of 2020 and was issued in 2022. The library doesn't look at the time of issue.
    "valid-expired-message": .notProven("message was issued in the future"),
    // Its domain is www.tally.xyz, and its URI has tally.xyz. The library doesn't compare them.
    "valid-recovery-byte-starting-at-0": .notProven("message is for a URI of another site"),
    "invalid-expired-message": .notProven("message has expired"),
    "invalid-domain-binding": .notProven("message is for another domain"),
    "invalid-custom-time": .notProven("message has expired"),
    "invalid-custom-nonce": .notProven("message has another nonce"),
    // 131 digits.
    "invalid-malformed-signature": .invalidRequest("invalid hex encoding in signature"),
    "invalid-wrong-signature": .notProven("signature verification failed"),
    "invalid-not-yet-valid": .notProven("message is not valid yet"),
    "invalid-invalid-issuedAt": .invalidRequest("message is malformed: Issued At"),
    "invalid-invalid-notBefore": .invalidRequest("message is malformed: Not Before"),
    "invalid-invalid-expirationTime": .invalidRequest("message is malformed: Expiration Time"),
    // A contract's signature may have the length of an account's.
    "contract-argent": .notProven("signature verification failed"),
    "contract-loopring": .invalidRequest("contract wallets are not supported"),
  ]

  @Test func aRecoveryByteMayBeginAtZero() throws {
    let vectors = try Self.verification.get()
    let vector = try #require(vectors.first { $0.id == "valid-recovery-byte-starting-at-0" })
    let (message, signature) = (
      try Vector.bytes(vector.values[0]), try #require(Hex.decode(try text(vector.values[1])))
    )
    #expect(signature.last == 1)
    let address = try SignInMessage(message, format: .ethereum).address
    #expect(try EthereumSignature.signer(of: message, signature: signature).text == address)
  }

  @Test func signaturesAreVerified() throws {
    let vectors = try Self.verification.get()
    #expect(Vector.counts(vectors) == ["valid": 4, "invalid": 10, "contract": 2])
    #expect(Set(vectors.filter { !$0.mustPass }.map(\.id)).isSubset(of: Self.refusals.keys))
    for vector in vectors {
      let columns = try vector.values.map(text)
      let scheme = EIP4361Scheme()
      let time =
        columns[4].isEmpty ? 1_760_000_000 : try #require(InternetDate(Array(columns[4].utf8)[...])).seconds
      // The messages are years old.
      let site = WalletSite.example(
        "https://\(columns[2])", "http://\(columns[2])", at: time, lifetime: 10_000_000_000)
      let lines = columns[0].split(separator: "\n")
      let members = [
        "address": String(lines[1]), "message": columns[0], "signature": columns[1], "challenge": columns[3],
      ]
      if let refusal = Self.refusals[vector.id] {
        #expect(throws: refusal, "\(vector.id)") { try scheme.verify(members, at: site) }
      } else {
        let identity = try scheme.verify(members, at: site)
        #expect(identity.subject == members["address"], "\(vector.id)")
        #expect(identity.claims.map(\.value) == ["eip155:1"])
      }
    }
  }
}
