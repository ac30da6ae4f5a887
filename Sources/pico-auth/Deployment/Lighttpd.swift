import Supervision

/// What only lighttpd's templates ask for.
extension DeploymentValues {
  var lighttpd: TemplateValues {
    TemplateValues(
      texts: ["address": lighttpdAddress, "body_limit_kib": "\(bodyLimit >> 10)"],
      lists: ["cleared": lighttpdCleared])
  }

  private var lighttpdAddress: String {
    switch listen {
    case .unix(let path): "\"socket\" => \"\(path)\""
    case .tcp(let host, let port): "\"host\" => \"\(host)\", \"port\" => \(port)"
    }
  }

  /// The spellings that lighttpd would hand over under an identity field's name.
  private var lighttpdCleared: [[String: String]] {
    let names = IdentityField.all.flatMap { [$0.name, $0.underscored] }
    return names.map { ["name": $0, "comma": $0 == names.last ? "" : ","] }
  }
}
