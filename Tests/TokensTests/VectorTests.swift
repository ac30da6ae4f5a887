import TestSupport
import Testing
import Wire

@testable import Tokens

@Suite(.enabled(if: Vectors.areThere, "no vectors beside the project"))
struct VectorTests {
  private func key(_ jwk: [String: Any]) throws -> VerificationKey {
    func number(_ name: String) throws -> [UInt8] {
      try #require(Base64URL.decode(Array((jwk[name] as! String).utf8)))
    }
    return VerificationKey(
      kid: jwk["kid"] as! String, modulus: try number("n"), exponent: try number("e"))
  }

  @Test func rsaSignatures() throws {
    var accepted = 0
    for group in try Vectors.groups("rsa_signature_2048_sha256_test.json") {
      let key = try key(group["keyJwk"] as! [String: Any])
      for test in group["tests"] as! [[String: Any]] {
        let passes = key.verifies(
          Hex.decode(test["sig"] as! String)!, of: Hex.decode(test["msg"] as! String)![...])
        if passes { accepted += 1 }
        #expect(passes == (test["result"] as! String == "valid"), "\(test["tcId"]!)")
      }
    }
    #expect(accepted == 9)
  }

  /// The RS256 groups, by their key's name.
  @Test(arguments: [("kid-rsa-sign", 226), ("RS256_2048", 5)])
  func jsonWebSignatures(_ kid: String, _ count: Int) throws {
    let group = try #require(
      try Vectors.groups("json_web_signature_test.json").first {
        let jwk = ($0["public"] ?? $0["private"]) as? [String: Any]
        return jwk?["kid"] as? String == kid && jwk?["alg"] as? String == "RS256"
      })
    let key = try key((group["public"] ?? group["private"]) as! [String: Any])
    let tests = group["tests"] as! [[String: Any]]
    #expect(tests.count == count)
    for test in tests {
      let passes = isSigned(test["jws"] as! String, by: key)
      #expect(passes == (test["result"] as! String == "valid"), "\(test["tcId"]!) \(test["comment"]!)")
    }
  }

  private func isSigned(_ token: String, by key: VerificationKey) -> Bool {
    do throws(TokenError) {
      let jws = try CompactJWS(token)
      try jws.checkSignature(CompactJWS.key(named: try jws.header(), in: [key]))
      return true
    } catch {
      return false
    }
  }
}
