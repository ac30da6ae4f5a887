import HTTPTypes
import Tokens

/// A header that tells an application who was let through.
///
/// This is the one list of them. Every web server's configuration takes these from a client's request, or a client could
/// say who it is.
public final class IdentityHeader: Sendable {
  /// As in a request: `X-Auth-Role`.
  public let name: String
  /// What it tells, for the documentation.
  public let summary: String
  /// Its value for an identity, and for the token where the application is to have it; empty where there is none.
  let value: @Sendable (_ identity: Identity, _ token: String?) -> String
  private let fieldName: HTTPField.Name
  private let variableName: HTTPField.Name

  public static let all: [IdentityHeader] = [
    IdentityHeader("Remote-User", "`sub`") { identity, _ in subject(identity.claims) },
    IdentityHeader("Remote-Groups", "`groups`, separated by commas") { identity, _ in
      identity.claims.groups.map { PercentEncoding.encode($0, commas: true) }.joined(separator: ",")
    },
    IdentityHeader("X-Auth-Request-User", "`sub`") { identity, _ in subject(identity.claims) },
    IdentityHeader("X-Auth-Request-Access-Token", "the token, if you ask for it") { _, token in token ?? "" },
    IdentityHeader("X-Auth-Subject", "`sub`") { identity, _ in subject(identity.claims) },
    // An application that takes a list there must not find two roles in one.
    IdentityHeader("X-Auth-Role", "`role`") { identity, _ in
      PercentEncoding.encode(identity.claims.role ?? "", commas: true)
    },
    IdentityHeader("X-Auth-Scope", "scopes, separated by spaces") { identity, _ in
      identity.scopes.map { PercentEncoding.encode($0) }.joined(separator: " ")
    },
    IdentityHeader("X-Auth-Session", "`session_id`") { identity, _ in
      PercentEncoding.encode(identity.claims.sessionID ?? "")
    },
    IdentityHeader("X-Auth-Token-Id", "`jti`") { identity, _ in
      PercentEncoding.encode(identity.claims.tokenID ?? "")
    },
    // Left out where it is so far that no whole number holds it.
    IdentityHeader("X-Auth-Expires", "`exp`, in seconds since 1970") { identity, _ in
      identity.claims.expiry.flatMap { Int(exactly: $0.rounded(.down)) }.map { "\($0)" } ?? ""
    },
    IdentityHeader("X-Auth-Agent", "`sub` of the agent's token") { identity, _ in
      identity.agent.map(subject) ?? ""
    },
  ]

  /// As an authorizer's variable: `X_AUTH_ROLE`.
  public var variable: String { name.uppercased().replacing("-", with: "_") }

  private init(
    _ name: StaticString, _ summary: String, _ value: @escaping @Sendable (Identity, String?) -> String
  ) {
    self.name = "\(name)"
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

  /// How a web server is told: in fields of an answer, or in an authorizer's variables (FastCGI specification, section
  /// 6.3).
  public enum Form: Sendable {
    case fields, variables
  }

  /// The fields that tell of an identity; what the token doesn't say is left out.
  /// - Parameter token: the token itself, for applications that ask for it.
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
