import CGI
import Wire

/// What somebody must be to be let through: every list that isn't empty must be met, by any one of its entries.
public struct GateRequirements: Sendable, Equatable {
  public var roles: [String]
  /// Met by a granted scope that is the same, or `*`, or ends in `:*` and is a beginning of it.
  public var scopes: [String]
  public var groups: [String]
  /// Besides the audience that every token must have.
  public var audiences: [String]

  public init(
    roles: [String] = [], scopes: [String] = [], groups: [String] = [], audiences: [String] = []
  ) {
    self.roles = roles
    self.scopes = scopes
    self.groups = groups
    self.audiences = audiences
  }

  /// A query that asks for something unknown: rather than letting through whom it meant to keep out.
  struct Unknown: Error {
    let name: String
  }

  /// By parameters that the web server's configuration sets and no client can.
  init(parameters: MetaVariables) {
    self.init(
      roles: Self.names(parameters[.requiredRole] ?? ""),
      scopes: Self.names(parameters[.requiredScope] ?? ""),
      groups: Self.names(parameters[.requiredGroup] ?? ""),
      audiences: Self.names(parameters[.requiredAudience] ?? ""))
  }

  /// By the query of a request that the web server made itself.
  init(query: [(name: String, value: String)]) throws(Unknown) {
    self.init()
    for (name, value) in query {
      let values = Self.names(value)
      switch name {
      case "role": roles += values
      case "scope": scopes += values
      case "group": groups += values
      case "audience": audiences += values
      case "token": break
      default: throw Unknown(name: name)
      }
    }
  }

  /// Names with commas or spaces between.
  private static func names(_ text: String) -> [String] {
    text.split { $0 == "," || $0 == " " }.map(String.init)
  }

  /// Whether a granted scope covers a required one, as pico-client-auth has it.
  static func scope(_ granted: String, covers required: String) -> Bool {
    if granted.hasSameBytes(as: required) || granted.hasSameBytes(as: "*") { return true }
    guard granted.utf8.count > 2, granted.hasSuffix(":*") else { return false }
    let beginning = granted.utf8.dropLast(2)
    return required.utf8.elementsEqual(beginning) || required.utf8.starts(with: granted.utf8.dropLast())
  }
}
