import CGI
import Wire

/// What an identity must have to pass. For each list that isn't empty, the identity must have one of its entries.
public struct Requirements: Sendable, Equatable {
  /// Roles, compared as bytes with `role`.
  public var roles: [String]
  /// Scopes. A granted scope meets a required one if it is the same or `*`. `a:*` meets `a` and every scope that
  /// begins with `a:`.
  public var scopes: [String]
  /// Groups, compared as bytes with the entries of `groups`.
  public var groups: [String]
  /// Audiences that `aud` must name besides the one of the settings, which every token must have.
  public var audiences: [String]

  public init(
    roles: [String] = [], scopes: [String] = [], groups: [String] = [], audiences: [String] = []
  ) {
    self.roles = roles
    self.scopes = scopes
    self.groups = groups
    self.audiences = audiences
  }

  /// The web server's configuration has a requirement that is unknown or empty. The gate refuses the request: a
  /// mistake in the configuration must not admit a client that it should keep out.
  public struct Unclear: Error {
    /// The name of the web server's parameter; nil if the requirement stands in a query. The error doesn't name a
    /// query's parameter, because a client that reaches the route chooses it.
    public let parameter: String?
  }

  /// Reads the requirements from the parameters that the web server's configuration sets. A client can't set them. An
  /// empty parameter requires nothing: nginx passes an unset variable as an empty one.
  /// - Throws: ``Unclear`` if a parameter is unknown, or has separators and no name.
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

  /// Reads the requirements from the query of a request that the web server made itself.
  /// - Throws: ``Unclear`` if a parameter is unknown, or names nothing.
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

  /// Splits names at commas and spaces.
  /// - Throws: ``Unclear`` if there is no name.
  private static func names(
    _ text: String, ofParameter parameter: String? = nil
  ) throws(Unclear) -> [String] {
    let names = text.split { $0 == "," || $0 == " " }.map(String.init)
    guard !names.isEmpty else { throw Unclear(parameter: parameter) }
    return names
  }

  /// Whether a granted scope meets a required one. The rule is pico-client-auth's.
  static func scope(_ granted: String, covers required: String) -> Bool {
    if granted.hasSameBytes(as: required) || granted.hasSameBytes(as: "*") { return true }
    guard granted.utf8.count > 2, granted.hasSuffix(":*") else { return false }
    let beginning = granted.utf8.dropLast(2)
    return required.utf8.elementsEqual(beginning) || required.utf8.starts(with: granted.utf8.dropLast())
  }
}
