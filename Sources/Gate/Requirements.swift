import CGI
import Wire

/// The policy: what an identity must have to be let through. Every list that isn't empty must be met, by any one of its entries.
public struct Requirements: Sendable, Equatable {
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

  /// A web server that asks for something unknown, or for nothing in particular: a slip in its configuration must
  /// not let through whom it meant to keep out.
  public struct Unclear: Error {
    /// The web server's parameter; nil for a query. What stands in that isn't told: where a client can ask by itself, it
    /// chooses the names.
    public let parameter: String?
  }

  /// By parameters that the web server's configuration sets and no client can. An empty one asks for nothing: nginx
  /// passes on variables that way which nobody has set.
  public init(parameters: GateInputs) throws(Unclear) {
    if let name = parameters.unknownRequirement { throw Unclear(parameter: name) }
    func names(_ input: RequestInput) throws(Unclear) -> [String] {
      guard let text = parameters[input], !text.isEmpty else { return [] }
      return try Self.names(text, ofParameter: input.variable)
    }
    self.init(
      roles: try names(.requiredRole), scopes: try names(.requiredScope), groups: try names(.requiredGroup),
      audiences: try names(.requiredAudience))
  }

  /// By the query of a request that the web server made itself.
  public init(query: [(name: String, value: String)]) throws(Unclear) {
    self.init()
    for (name, value) in query {
      switch name {
      case "role": roles += try Self.names(value)
      case "scope": scopes += try Self.names(value)
      case "group": groups += try Self.names(value)
      case "audience": audiences += try Self.names(value)
      case "token": break
      default: throw Unclear(parameter: nil)
      }
    }
  }

  /// Names with commas or spaces between, one at least.
  private static func names(
    _ text: String, ofParameter parameter: String? = nil
  ) throws(Unclear) -> [String] {
    let names = text.split { $0 == "," || $0 == " " }.map(String.init)
    guard !names.isEmpty else { throw Unclear(parameter: parameter) }
    return names
  }

  /// Whether a granted scope covers a required one, as pico-client-auth has it.
  static func scope(_ granted: String, covers required: String) -> Bool {
    if granted.hasSameBytes(as: required) || granted.hasSameBytes(as: "*") { return true }
    guard granted.utf8.count > 2, granted.hasSuffix(":*") else { return false }
    let beginning = granted.utf8.dropLast(2)
    return required.utf8.elementsEqual(beginning) || required.utf8.starts(with: granted.utf8.dropLast())
  }
}
