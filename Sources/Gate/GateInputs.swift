import CGI

/// The inputs of a request that the gate may read. `RequestInput` declares them.
///
/// Any other input reads as absent. A web server caches the gate's answers, and its cache key consists of the
/// declared inputs. So no answer depends on an input that the key lacks. In this module, only this file sees requests.
public struct GateInputs: Sendable {
  private let variables: MetaVariables

  public init(_ request: Request) {
    variables = request.variables
  }

  /// The value of an input; nil if the request lacks it, or if it isn't an input of the gate.
  subscript(input: RequestInput) -> String? {
    input.gateUse == .none ? nil : variables[input]
  }

  /// Whether the web server's configuration asks for the token itself, to pass it to the application.
  public var asksForToken: Bool { Self.isYes(self[.passToken]) }

  /// Whether a value is `1`, `true` or `on`.
  public static func isYes(_ value: String?) -> Bool {
    ["1", "true", "on"].contains(value)
  }

  /// The name of a variable that has the prefix of a requirement and is none, such as a misspelled one; nil if there
  /// is none.
  var unknownRequirement: String? { variables.unknownRequirement }
}

extension AccessGate {
  /// Decides on a request to a route of a program that embeds this gate.
  /// - Parameter requirements: what the identity must have. By default, any good credential passes.
  /// - Throws: `Problem` 401 or 403, which is the answer to the client; `StoreError` if the store can't tell whether
  ///   the token is revoked.
  public func admit(
    _ request: Request, requiring requirements: Requirements = Requirements()
  ) throws -> Identity {
    do {
      return try admit(GateInputs(request), [requirements]).identity
    } catch let refusal as Refusal {
      throw refusal.problem
    }
  }
}
