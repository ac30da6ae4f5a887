import CGI
import Testing

@testable import Gate

/// What the gate can read of a request.
@Suite struct GateInputsTests {
  private let request: Request

  init() {
    var variables = MetaVariables()
    for input in RequestInput.allCases { variables[input] = "value" }
    request = Request(variables: variables)
  }

  /// An input that isn't declared for the gate isn't in the key of nginx's cache, so no answer may depend on it.
  @Test(arguments: RequestInput.allCases)
  func onlyWhatIsDeclaredForTheGateReachesIt(_ input: RequestInput) {
    #expect(GateInputs(request)[input] == (input.gateUse == .none ? nil : "value"))
  }

  /// Clients set what begins with `HTTP_`, and nothing else.
  @Test func noRequirementCanComeFromAClient() {
    let requirements = RequestInput.allCases.filter { $0.gateUse == .requirement }
    #expect(requirements.count >= 5)
    #expect(!requirements.contains { $0.variable.hasPrefix("HTTP_") })
  }

  @Test func noTwoInputsHaveTheSameVariable() {
    #expect(Set(RequestInput.allCases.map(\.variable)).count == RequestInput.allCases.count)
  }
}
