import HTTPTypes
import Tokens

/// A header that tells an application which identity a request acts under.
///
/// ``all`` is the only list of them. Every web server's configuration clears these headers from a client's request.
/// Otherwise a client could claim any identity.
public final class IdentityHeader: Sendable {
  /// The name of the field: `X-Auth-Role`.
  public let name: String
  /// The claim that it carries, for the documentation.
  public let summary: String
  /// The value of the header; empty if the identity has none. `token` is nil unless the application asks for the
  /// token.
  let value: @Sendable (_ identity: Identity, _ token: String?) -> String
  private let fieldName: HTTPField.Name
  private let variableName: HTTPField.Name

  /// Every identity header, in the order of the documentation.
  public static let all: [IdentityHeader] = [
    IdentityHeader("Remote-User", "`sub`") { identity, _ in subject(identity.claims) },
    IdentityHeader("Remote-Groups", "`groups`, separated by commas") { identity, _ in
      identity.claims.groups.map { PercentEncoding.encode($0, commas: true) }.joined(separator: ",")
    },
    IdentityHeader("X-Auth-Request-User", "`sub`") { identity, _ in subject(identity.claims) },
    IdentityHeader("X-Auth-Request-Access-Token", "the token, if you ask for it") { _, token in token ?? "" },
    IdentityHeader("X-Auth-Subject", "`sub`") { identity, _ in subject(identity.claims) },
    // Some applications read this header as a list. An unencoded comma would turn one role into two.
    IdentityHeader("X-Auth-Role", "`role`") { identity, _ in
      PercentEncoding.encode(identity.claims.role ?? "", commas: true)
    },
    IdentityHeader("X-Auth-Scope", "scopes, separated by spaces") { identity, _ in
      identity.scopes.map { PercentEncoding.encode($0) }.joined(separator: " ")
    },
    IdentityHeader("X-Auth-Session", "`session_id` of an agent's token, `sid` of any other") { identity, _ in
      PercentEncoding.encode(identity.claims.sessionID ?? identity.claims.session ?? "")
    },
    IdentityHeader("X-Auth-Token-Id", "`jti`; a cookie has none") { identity, _ in
      PercentEncoding.encode(identity.claims.tokenID ?? "")
    },
    // A time that no `Int` can hold is left out.
    IdentityHeader("X-Auth-Expires", "`exp`, or the end of the cookie's session, in seconds since 1970") {
      identity, _ in
      identity.claims.expiry.flatMap { Int(exactly: $0.rounded(.down)) }.map { "\($0)" } ?? ""
    },
    IdentityHeader("X-Auth-Agent", "`sub` of the agent's token") { identity, _ in
      identity.agent.map(subject) ?? ""
    },
  ]

  /// The name of a FastCGI authorizer's variable: `X_AUTH_ROLE`.
  public var variable: String { name.uppercased().replacing("-", with: "_") }

  private init(
    _ name: StaticString, _ summary: String, _ value: @escaping @Sendable (Identity, String?) -> String
  ) {
    self.name = "\(name)"
    // The web servers' files know forged spellings by these prefixes.
    precondition(self.name.hasPrefix("Remote-") || self.name.hasPrefix("X-Auth-"))
    self.summary = summary
    self.value = value
    let variable = "Variable-" + self.name.uppercased().replacing("-", with: "_")
    guard let fieldName = HTTPField.Name(self.name), let variableName = HTTPField.Name(variable) else {
      preconditionFailure("\(name) is no field name")
    }
    self.fieldName = fieldName
    self.variableName = variableName
  }

  private static func subject(_ claims: Claims) -> String { PercentEncoding.encode(claims.subject ?? "") }

  /// How the web server reads the headers: as fields of the answer, or as variables of an authorizer's answer
  /// (FastCGI specification, section 6.3).
  public enum Form: Sendable {
    case fields, variables
  }

  /// The header fields of an answer that carry an identity. A header without a value is left out.
  /// - Parameters:
  ///   - form: how the web server reads the headers.
  ///   - token: the token itself, if the application asks for it; nil otherwise.
  static func fields(of identity: Identity, _ form: Form, token: String?) -> HTTPFields {
    var fields = HTTPFields()
    for header in all {
      let value = header.value(identity, token)
      guard !value.isEmpty else { continue }
      fields.append(HTTPField(name: form == .fields ? header.fieldName : header.variableName, value: value))
    }
    return fields
  }
}
