import Testing

@testable import Wallets

/// What is a message, and what only looks like one.
@Suite struct SignInMessageTests {
  private static let ethereum = [
    "example.org wants you to sign in with your Ethereum account:",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "",
    "Sign in.", "", "URI: https://example.org", "Version: 1", "Chain ID: 1", "Nonce: 0123456789abcdef",
    "Issued At: 2023-11-14T22:13:20Z", "Expiration Time: 2023-11-14T22:14:20Z",
    "Not Before: 2023-11-14T22:13:20Z", "Request ID: a", "Resources:", "- https://example.org/a",
  ]

  private static let solana =
    [
      "example.org wants you to sign in with your Solana account:",
      "JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG",
    ] + ethereum[2...].map { $0.replacing("Chain ID: 1", with: "Chain ID: mainnet") }

  private static func lines(_ format: MessageFormat) -> [String] { format == .ethereum ? ethereum : solana }

  private func read(_ lines: [String], _ format: MessageFormat) throws(MessageError) -> SignInMessage {
    try SignInMessage(Array(lines.joined(separator: "\n").utf8), format: format)
  }

  @Test(arguments: [MessageFormat.ethereum, .solana])
  func aMessageIsReadAndWritten(_ format: MessageFormat) throws {
    let lines = Self.lines(format)
    let message = try read(lines, format)
    #expect(message.text == lines.joined(separator: "\n"))
    #expect(message.domain == "example.org")
    #expect(message.statement == "Sign in.")
    #expect(message.issuedAt.seconds == 1_700_000_000)
    #expect(message.expirationTime?.seconds == 1_700_000_060)
    #expect(message.requestID == "a")
    #expect(message.resources == ["https://example.org/a"])
    #expect(throws: MessageError(part: "domain")) {
      try read(lines, format == .ethereum ? .solana : .ethereum)
    }
    // The optional fields may be left out, from the last one on.
    for count in 10..<15 where count != 14 {
      #expect(try read(Array(lines[..<count]), format).nonce == message.nonce)
    }
    #expect(try read(Array(lines[..<14]), format).resources == [])
  }

  /// A line in place of another, and the part that is blamed.
  @Test(arguments: [
    (0, "", "domain"), (0, "a\u{301}.org", "domain"), (0, "exаmple.org", "domain"), (0, "a b", "domain"),
    (0, "https://https://a", "domain"), (0, "a/b", "domain"), (0, "a?", "domain"), (0, "[::1", "domain"),
    (0, "[::1%25eth0]", "domain"), (0, "[1:2:3:4:5:6:7:8:9]", "domain"), (0, "[::01.2.3.4]", "domain"),
    (0, "a:8x", "domain"),
    (0, "a:80:80", "domain"), (0, "a@b@c", "domain"), (0, "%4", "domain"), (0, "\u{0}", "domain"),
    (0, "1http://a", "scheme"),
    (3, "Sign\u{e9}", "statement"), (3, "a\tb", "statement"), (3, "a\r", "statement"),
    (3, "a%20b", "statement"),
    (3, "a\nb", "statement"), (3, "\"a\"", "statement"), (3, "a\u{2028}b", "statement"),
    (5, "URI: ", "URI"), (5, "URI:https://a", "URI"), (5, "URI: a", "URI"), (5, "URI: https://a b", "URI"),
    (5, "URI: https://a#b#c", "URI"), (5, "URI: https://a/%zz", "URI"), (5, "uri: https://a", "URI"),
    (5, "URI: https://a\u{e9}", "URI"), (5, " URI: https://a", "URI"),
    (6, "Version: 2", "Version"), (6, "Version: 1 ", "Version"), (6, "Version: 01", "Version"),
    (6, "", "Version"),
    (7, "Chain ID: ", "Chain ID"), (7, "Chain ID: +1", "Chain ID"), (7, "Chain ID: ١", "Chain ID"),
    (7, "Chain ID: 1 ", "Chain ID"), (7, "Chain ID: localnet", "Chain ID"),
    (8, "Nonce: 1234567", "Nonce"), (8, "Nonce: 12345678-", "Nonce"), (8, "Nonce: 1234567\u{e9}", "Nonce"),
    (9, "Issued At: 2023-11-14", "Issued At"), (9, "Issued At: 2023-02-29T00:00:00Z", "Issued At"),
    (9, "Issued At: 2023-11-14T24:00:00Z", "Issued At"), (9, "Issued At: 2023-11-14T22:13:20", "Issued At"),
    (9, "Issued At: 2023-11-14T22:13:20.Z", "Issued At"), (9, "Issued At: 2023-11-14 22:13:20Z", "Issued At"),
    (9, "Issued At: 2023-11-14T22:13:20+0100", "Issued At"),
    (9, "Issued At: 2023-11-14T22:13:20ZZ", "Issued At"),
    (9, "Issued At: 2023-11-14T22:13:61Z", "Issued At"), (9, "Issued At: -023-11-14T22:13:20Z", "Issued At"),
    (10, "Expiration Time: never", "Expiration Time"), (11, "Not Before: ", "Not Before"),
    (12, "Request ID: a b", "Request ID"), (12, "Request ID: a/b", "Request ID"),
    (13, "Resources: ", "Resources"),
    (13, "resources:", "Resources"), (14, "https://a", "Resources"), (14, "- a", "Resources"),
    (14, "-  https://a", "Resources"),
    (14, "- https://a\n", "Resources"), (14, "- https://a\r", "Resources"),
    (14, "- https://a\nx: y", "Resources"),
  ])
  func everythingElseIsRefused(_ line: Int, _ text: String, _ part: String) {
    for format in [MessageFormat.ethereum, .solana] {
      var lines = Self.lines(format)
      lines[line] = line == 0 ? text + format.introduction : text
      let error = #expect(throws: MessageError.self, "\(format) \(text)") { try read(lines, format) }
      // Without a scheme in the format, it is a part of the domain.
      let blamed = part == "scheme" && format == .solana ? "domain" : part
      #expect(error?.part == blamed, "\(format) \(text)")
    }
  }

  @Test(arguments: [MessageFormat.ethereum, .solana])
  func linesAreInOrderAndOnce(_ format: MessageFormat) {
    let lines = Self.lines(format)
    for index in lines.indices {
      var twice = lines
      twice.insert(lines[index], at: index)
      // Resources may repeat.
      if index != 14 { #expect(throws: MessageError.self, "\(index)") { try read(twice, format) } }
      // EIP-4361 without a statement has two empty lines.
      if index < 10, index != 3 || format == .solana {
        var without = lines
        without.remove(at: index)
        #expect(throws: MessageError.self, "\(index)") { try read(without, format) }
      }
      if index > 0 {
        var swapped = lines
        swapped.swapAt(index, index - 1)
        #expect(throws: MessageError.self, "\(index)") { try read(swapped, format) }
      }
    }
    for text in [
      lines.joined(separator: "\r\n"), lines.joined(separator: "\n") + "\n",
      "\n" + lines.joined(separator: "\n"), "",
    ] {
      #expect(throws: MessageError.self) { try SignInMessage(Array(text.utf8), format: format) }
    }
    let invalid = Array(lines[0].utf8) + [0xff] + Array(lines[1...].joined(separator: "\n").utf8)
    #expect(throws: MessageError.self) { try SignInMessage(invalid, format: format) }
  }

  @Test func aStatementMayLookLikeAField() throws {
    for format in [MessageFormat.ethereum, .solana] {
      var lines = Self.lines(format)
      lines[3] = "URI: https://evil.example"
      let message = try read(lines, format)
      #expect(message.statement == lines[3])
      #expect(message.uri == "https://example.org")
      #expect(message.text == lines.joined(separator: "\n"))
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0.0), ("1969-12-31T23:59:59.5Z", -0.5),
    ("2000-02-29T12:00:00+12:00", 951_782_400),
    ("2023-11-14T22:13:20.250z", 1_700_000_000.25), ("2023-11-14t17:13:20-05:00", 1_700_000_000),
    ("0001-01-01T00:00:00Z", -62_135_596_800), ("9999-12-31T23:59:60Z", 253_402_300_800),
    ("2016-12-31T23:59:60Z", 1_483_228_800),
  ])
  func datesAreMoments(_ text: String, _ seconds: Double) throws {
    let date = try #require(InternetDate(Array(text.utf8)[...]))
    #expect(date.seconds == seconds)
    #expect(date.text == text)
  }

  @Test func momentsAreDates() throws {
    #expect(InternetDate(seconds: 1_700_000_000).text == "2023-11-14T22:13:20Z")
    // Each day from 1900 to 2100, and its last second.
    for day in -25_567...47_846 {
      let date = InternetDate(seconds: day * 86400 + 86399)
      #expect(InternetDate(Array(date.text.utf8)[...])?.seconds == date.seconds)
    }
  }

  @Test(arguments: [
    "https://example.org", "http://localhost:8100", "https://xn--exmple-cua.org", "https://[::1]:8443",
    "http://example.org:443",
  ])
  func originsAreThoseOfBrowsers(_ text: String) {
    #expect(WebOrigin(text)?.description == text)
    #expect(WebOrigin(ofURL: text + "/a?b#c")?.description == text)
  }

  @Test(arguments: [
    "", "null", "example.org", "https://", "https://example.org/", "https://example.org:443",
    "http://example.org:80",
    "HTTPS://example.org", "https://Example.org", "https://user@example.org", "https://example.org.",
    "https://example.org:", "https://exаmple.org", "ftp://example.org", "https://example.org https://a",
    "https:example.org",
    "https://example.org, https://evil.example",
  ])
  func otherTextIsNoOrigin(_ text: String) {
    #expect(WebOrigin(text) == nil)
  }
}
