import TestSupport
import Testing

@testable import Tokens

/// Wycheproof's vectors: what is valid by the rules of this program passes, and nothing else does.
@Suite struct TokenVectorTests {
  @Test func rsaSignatures() throws {
    let vectors = try Vector.all("rsa-pkcs1-sha256")
    #expect(Vector.counts(vectors) == ["valid": 9, "acceptable": 1, "invalid": 249])
    for vector in vectors {
      let key = VerificationKey(
        kid: "", modulus: try Vector.bytes(vector.key[0]), exponent: try Vector.bytes(vector.key[1]))
      let passes = key.verifies(
        try Vector.bytes(vector.values[1]), of: try Vector.bytes(vector.values[0])[...])
      #expect(passes == vector.mustPass, "\(vector.id): \(vector.kind)")
    }
  }

  @Test func jsonWebSignatures() throws {
    let vectors = try Vector.all("jws-rsa")
    #expect(Vector.counts(vectors) == ["valid": 8, "algorithm": 24, "invalid": 283])
    for vector in vectors {
      let key = VerificationKey(
        kid: vector.key[0], modulus: try Vector.bytes(vector.key[1]),
        exponent: try Vector.bytes(vector.key[2]))
      let token = vector.values[0] == "." ? "" : vector.values[0]
      #expect(isSigned(token, by: key) == vector.mustPass, "\(vector.id): \(vector.kind)")
    }
  }

  private func isSigned(_ token: String, by key: VerificationKey) -> Bool {
    do throws(TokenError) {
      let jws = try CompactJWS(token)
      try jws.checkSignature(CompactJWS.key(named: try jws.header(for: [key]), in: [key]))
      return true
    } catch {
      return false
    }
  }
}
