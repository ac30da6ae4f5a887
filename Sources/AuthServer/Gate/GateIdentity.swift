import HTTPTypes
import Tokens

/// Who was let through, as the application behind the web server is told.
public struct GateIdentity: Sendable {
  /// The token's claims.
  public let claims: Claims
  /// The agent's that acts in its name, where a second token says so.
  public let agent: Claims?

  public init(claims: Claims, agent: Claims?) {
    self.claims = claims
    self.agent = agent
  }

  /// The scopes that count: the agent's where there is one.
  public var scopes: [String] { (agent ?? claims).scopes }

  /// Every name that tells of an identity. Web servers must take these from a client's request, or a client could say
  /// who it is.
  public static let fieldNames = [
    "Remote-User", "Remote-Groups", "X-Auth-Request-User", "X-Auth-Request-Access-Token", "X-Auth-Subject",
    "X-Auth-Role", "X-Auth-Scope", "X-Auth-Session", "X-Auth-Token-Id", "X-Auth-Expires", "X-Auth-Agent",
  ]

  /// What an identity is told in: fields of an answer, or an authorizer's variables (FastCGI specification, section
  /// 6.3).
  enum Form {
    case fields, variables

    fileprivate var names: [HTTPField.Name] {
      switch self {
      case .fields: Self.fieldNames
      case .variables: Self.variableNames
      }
    }

    private static let fieldNames = GateIdentity.fieldNames.compactMap { HTTPField.Name($0) }
    private static let variableNames = GateIdentity.fieldNames.compactMap {
      HTTPField.Name("Variable-" + $0.uppercased().replacing("-", with: "_"))
    }
  }

  /// The fields; what the token doesn't say is left out.
  /// - Parameter token: the token itself, for applications that ask for it.
  func fields(_ form: Form, token: String?) -> HTTPFields {
    let subject = claims.subject ?? ""
    // Left out where it is so far that no whole number holds it.
    let expiry = claims.expiry.flatMap { Int(exactly: $0.rounded(.down)) }.map { "\($0)" } ?? ""
    let values = [
      Self.encoded(subject), claims.groups.map { Self.encoded($0, besides: ",") }.joined(separator: ","),
      Self.encoded(subject), token ?? "", Self.encoded(subject), Self.encoded(claims.role ?? ""),
      scopes.map { Self.encoded($0) }.joined(separator: " "), Self.encoded(claims.sessionID ?? ""),
      Self.encoded(claims.tokenID ?? ""), expiry,
      Self.encoded(agent?.subject ?? ""),
    ]
    var fields = HTTPFields()
    for (name, value) in zip(form.names, values) where !value.isEmpty {
      fields.append(HTTPField(name: name, value: value))
    }
    return fields
  }

  /// A text as a field's value: what isn't visible ASCII is percent-encoded (RFC 3986, section 2.1), and the percent
  /// sign with it, so that no two names become one and no name becomes two fields.
  static func encoded(_ text: String, besides other: String = "") -> String {
    var bytes = text
    let isPlain = bytes.withUTF8 { bytes in
      bytes.allSatisfy { Self.isPlain($0) && (other.isEmpty || !other.utf8.contains($0)) }
    }
    if isPlain { return text }
    var encoded = ""
    for byte in text.utf8 {
      if Self.isPlain(byte) && !other.utf8.contains(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded += byte < 16 ? "%0" : "%"
        encoded += String(byte, radix: 16, uppercase: true)
      }
    }
    return encoded
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "%")
  }
}
