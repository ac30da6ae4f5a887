import Gate

/// An identity header, with the names that web servers give it.
struct IdentityField {
  /// The name of the field: `X-Auth-Role`.
  let name: String

  /// The name of a FastCGI authorizer's variable: `X_AUTH_ROLE`.
  var variable: String { underscored.uppercased() }

  /// The name with underscores: `X_Auth_Role`. Some web servers pass such a field to the application under the
  /// header's own name.
  var underscored: String { name.replacing("-", with: "_") }

  /// The nginx variable that holds the value: `$pico_auth_x_auth_role`.
  var nginx: String { "$pico_auth_" + underscored.lowercased() }

  /// The nginx variable of the header in the gate's answer: `$upstream_http_x_auth_role`.
  var upstream: String { "$upstream_http_" + underscored.lowercased() }

  /// The placeholders of an item in a template's list.
  var fields: [String: String] {
    ["name": name, "variable": variable, "nginx_variable": nginx, "upstream": upstream]
  }

  /// Every identity header.
  static let all = IdentityHeader.all.map { IdentityField(name: $0.name) }
}
