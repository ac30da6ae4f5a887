import CGI

/// What the gate may read of a request: the inputs that `RequestInput` declares for it. Any other reads as absent, so
/// that no answer depends on something that the key of a web server's cache lacks.
public struct GateInputs: Sendable {
  private let variables: MetaVariables

  public init(_ request: Request) {
    variables = request.variables
  }

  subscript(input: RequestInput) -> String? {
    input.gateUse == .none ? nil : variables[input]
  }

  /// Whether the web server's configuration asks for the token itself, to pass it on.
  public var asksForToken: Bool { Self.isYes(self[.passToken]) }

  /// Whether a value switches something on.
  public static func isYes(_ value: String?) -> Bool {
    ["1", "true", "on"].contains(value)
  }

  /// A variable that looks like a requirement, and is none.
  var unknownRequirement: String? { variables.unknownRequirement }
}
