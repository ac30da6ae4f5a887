import Gate

/// A field of the identity that the gate tells an application, and what web servers call it on the way.
struct IdentityField {
  /// As in a request: `X-Auth-Role`.
  let name: String

  /// As an authorizer's variable: `X_AUTH_ROLE`.
  var variable: String { underscored.uppercased() }

  /// With underscores: `X_Auth_Role`, which some web servers hand over under the same name.
  var underscored: String { name.replacing("-", with: "_") }

  /// As a variable of nginx's.
  var nginx: String { "$pico_auth_" + underscored.lowercased() }

  /// Where nginx finds it in the gate's answer.
  var upstream: String { "$upstream_http_" + underscored.lowercased() }

  /// As placeholders have it.
  var fields: [String: String] {
    ["name": name, "variable": variable, "nginx_variable": nginx, "upstream": upstream]
  }

  static let all = IdentityHeader.all.map { IdentityField(name: $0.name) }
}
