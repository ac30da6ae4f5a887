import Foundation
import TestSupport
import Testing

@Suite struct KeySetRouteTests {
  private let backend: InProcess

  init() throws { backend = try InProcess() }

  @Test func publishesTheKeysAtBothPlaces() throws {
    let answer = backend.send("GET", "/jwks")
    #expect(answer.status == 200)
    #expect(answer["content-type"] == "application/json")
    #expect(answer["cache-control"] == "public, max-age=300")
    let document = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
    let key = try #require((document?["keys"] as? [[String: String]])?.first)
    #expect(Set(key.keys) == ["kty", "kid", "alg", "use", "n", "e"])
    #expect(key["kty"] == "RSA")
    #expect(key["kid"] == "pico-server-auth-1")
    #expect(key["alg"] == "RS256")
    #expect(key["use"] == "sig")
    #expect(key["e"] == "AQAB")
    #expect(key["n"]?.wholeMatch(of: /[A-Za-z0-9_-]{342}/) != nil)
    #expect(backend.send("GET", "//.well-known/jwks.json").body == answer.body)
  }

  @Test func answers304ToWhoHasIt() throws {
    let tag = try #require(backend.send("GET", "/jwks")["etag"])
    #expect(tag.hasPrefix("\""))
    let answer = backend.send("GET", "/jwks", fields: [("If-None-Match", tag)])
    #expect(answer.status == 304)
    #expect(answer.body.isEmpty)
    #expect(answer["etag"] == tag)
    #expect(backend.send("GET", "/jwks", fields: [("If-None-Match", "\"other\"")]).status == 200)
  }

  @Test(arguments: [
    ("*/*", "application/json"), ("application/json", "application/json"),
    ("application/jwk-set+json", "application/jwk-set+json"),
    ("text/html, application/jwk-set+json;q=0.5", "application/jwk-set+json"),
    ("application/jwk-set+json;q=0", "application/json"),
  ])
  func itsOwnMediaTypeIsForThoseWhoAsk(_ accept: String, _ type: String) {
    let answer = backend.send("GET", "/jwks", fields: [("Accept", accept)])
    #expect(answer["content-type"] == type)
  }
}
