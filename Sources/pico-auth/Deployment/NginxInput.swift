import CGI

/// Something that the gate's answer depends on, as nginx knows it. nginx passes these to the gate and caches an answer for
/// their values. `RequestInput` declares them.
struct NginxInput {
  private let input: RequestInput

  /// Fields of the client's request.
  static let headers = all(.request).filter(\.input.isHeaderField)
  /// What the web server itself knows of the client's request.
  static let serverInputs = all(.request).filter { !$0.input.isHeaderField }
  /// What a location of a web server may require, or ask for, of the gate.
  static let requirements = all(.requirement)

  private static func all(_ use: RequestInput.GateUse) -> [NginxInput] {
    RequestInput.allCases.filter { $0.gateUse == use }.map(NginxInput.init)
  }

  /// As placeholders have it.
  var fields: [String: String] { ["parameter": input.variable, "nginx_variable": nginx] }

  /// The variable that holds it in nginx: `$http_x_agent_authorization`, `$request_method`, `$pico_auth_role`.
  private var nginx: String {
    "$"
      + input.variable.lowercased().replacing("auth_require_", with: "auth_").replacing(
        "auth_pass_", with: "auth_")
  }
}
