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

  /// A variable that looks like a requirement, and is none.
  var unknownRequirement: String? { variables.unknownRequirement }
}
