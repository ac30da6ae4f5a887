import Testing
import Tokens
import Wire

@testable import Gate

/// The cache of tokens whose signature is good.
@Suite struct VerifiedTokenCacheTests {
  /// Each token counts with its length and 512 bytes: four fit into a generation, eight into the cache.
  private let cache = VerifiedTokenCache(capacity: 4 * (100 + 512))

  private func token(_ number: Int) -> String {
    let name = "\(number)"
    return String(repeating: "x", count: 100 - name.utf8.count) + name
  }

  /// Asks for a token.
  /// - Returns: the subject, and whether the token was verified for it.
  private func ask(_ token: String) throws -> (subject: String?, isVerified: Bool) {
    var isVerified = false
    let claims = try cache.claims(of: token) { (token) throws(TokenError) in
      isVerified = true
      var object = JSONObjectWriter()
      object.add("sub", token)
      guard let claims = try? JSONObject(parsing: object.finish()) else { throw .invalid("no object") }
      return Claims(all: claims)
    }
    return (claims.subject, isVerified)
  }

  @Test func aTokenIsVerifiedOnce() throws {
    let first = try ask(token(1))
    #expect(first.subject == token(1) && first.isVerified)
    for _ in 0..<3 {
      let again = try ask(token(1))
      #expect(again.subject == token(1) && !again.isVerified)
    }
  }

  /// More tokens than fit, in several orders: each is told from each other, whatever was dropped meanwhile.
  @Test func tokensAreToldApartWhileOthersAreDropped() throws {
    var verifications = 0
    let orders = [Array(0..<50), (0..<50).reversed(), (0..<50).map { $0 * 7 % 50 }, (0..<50).map { $0 / 2 }]
    for order in orders {
      for number in order {
        let answer = try ask(token(number))
        #expect(answer.subject == token(number))
        if answer.isVerified { verifications += 1 }
      }
    }
    // 50 at first, most of them again in each order; in the last, each is asked for twice in a row.
    #expect((100...170).contains(verifications), "\(verifications)")
  }

  @Test func whatIsInUseStaysAndWhatIsNotIsDropped() throws {
    _ = try ask(token(0))
    _ = try ask(token(1))
    for number in 2..<40 {
      _ = try ask(token(number))
      #expect(try !ask(token(0)).isVerified, "\(number)")
    }
    #expect(try ask(token(1)).isVerified)
  }

  @Test func aLongTokenTakesTheRoomOfSeveral() throws {
    for number in 0..<4 { _ = try ask(token(number)) }
    // Each fills a generation of its own.
    for letter in ["a", "b"] { _ = try ask(String(repeating: letter, count: 1900)) }
    for number in 0..<4 { #expect(try ask(token(number)).isVerified, "\(number)") }
  }

  @Test func aRefusalIsNotKept() throws {
    for _ in 0..<2 {
      #expect(throws: TokenError.expired) {
        try cache.claims(of: token(1)) { (_) throws(TokenError) in throw .expired }
      }
    }
    #expect(try ask(token(1)).isVerified)
  }
}
