import CGI

/// An input of the gate, as nginx names it. `RequestInput` declares the inputs. nginx passes them to the gate, and
/// its cache key consists of them.
struct NginxInput {
  private let input: RequestInput

  /// Header fields of the client's request.
  static let headers = all(.request).filter(\.input.isHeaderField)
  /// Inputs that the web server knows of the client's request, such as the method.
  static let serverInputs = all(.request).filter { !$0.input.isHeaderField }
  /// Parameters with which a location of a web server sets requirements, or asks for the token.
  static let requirements = all(.requirement)

  private static func all(_ use: RequestInput.GateUse) -> [NginxInput] {
    RequestInput.allCases.filter { $0.gateUse == use }.map(NginxInput.init)
  }

  /// The placeholders of an item in a template's list.
  var fields: [String: String] { ["parameter": input.variable, "nginx_variable": nginx] }

  /// The nginx variable with the value: `$http_x_agent_authorization`, `$request_method`, `$pico_auth_role`.
  private var nginx: String {
    "$"
      + input.variable.lowercased().replacing("auth_require_", with: "auth_").replacing(
        "auth_pass_", with: "auth_")
  }
}
