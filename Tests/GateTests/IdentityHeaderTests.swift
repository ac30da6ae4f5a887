import HTTPTypes
import Testing
import Tokens
import Wire

@testable import Gate

/// The headers that tell an application who was let through.
@Suite struct IdentityHeaderTests {
  private func identity(_ claims: String, agent: String? = nil) throws -> Identity {
    func parsed(_ text: String) throws -> Claims { Claims(all: try JSONObject(parsing: Array(text.utf8))) }
    return Identity(claims: try parsed(claims), agent: try agent.map(parsed))
  }

  private func fields(
    _ identity: Identity, _ form: IdentityHeader.Form = .fields, token: String? = nil
  ) -> [String: String] {
    let fields = IdentityHeader.fields(of: identity, form, token: token)
    return Dictionary(uniqueKeysWithValues: fields.map { ($0.name.rawName, $0.value) })
  }

  @Test func eachNameHasItsOwnValue() throws {
    let identity = try identity(
      #"{"sub":"s%","role":"r","groups":["a,b","c"],"scope":"x y","session_id":"i","jti":"j","exp":7.5}"#,
      agent: #"{"sub":"agent","scope":"z"}"#)
    #expect(
      fields(identity, token: "t") == [
        "Remote-User": "s%25", "Remote-Groups": "a%2Cb,c", "X-Auth-Request-User": "s%25",
        "X-Auth-Request-Access-Token": "t", "X-Auth-Subject": "s%25", "X-Auth-Role": "r", "X-Auth-Scope": "z",
        "X-Auth-Session": "i", "X-Auth-Token-Id": "j", "X-Auth-Expires": "7", "X-Auth-Agent": "agent",
      ])
  }

  @Test func whatATokenDoesNotSayIsLeftOut() throws {
    #expect(
      fields(try identity(#"{"sub":"s","exp":1e300}"#)).keys.sorted() == [
        "Remote-User", "X-Auth-Request-User", "X-Auth-Subject",
      ])
  }

  @Test func variablesOfAnAuthorizerHaveTheSameValues() throws {
    let identity = try identity(#"{"sub":"s","role":"r"}"#)
    #expect(
      fields(identity, .variables) == [
        "Variable-REMOTE_USER": "s", "Variable-X_AUTH_REQUEST_USER": "s", "Variable-X_AUTH_SUBJECT": "s",
        "Variable-X_AUTH_ROLE": "r",
      ])
  }

  /// A line of a field ends at a control character, and a list's entries are told apart by commas.
  @Test func noNameBecomesTwo() throws {
    let fields = fields(
      try identity(
        #"{"sub":"a\r\nX-Auth-Role: operator","groups":["x\u0000","é"],"role":"agent,operator"}"#))
    #expect(fields["X-Auth-Role"] == "agent%2Coperator")
    #expect(fields["Remote-User"] == "a%0D%0AX-Auth-Role:%20operator")
    #expect(fields["Remote-Groups"] == "x%00,%C3%A9")
  }
}
