import Supervision

/// The values that only lighttpd's templates use.
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

  /// The field names that lighttpd passes to an application under an identity header's name: with dashes and with
  /// underscores.
  private var lighttpdCleared: [[String: String]] {
    let names = IdentityField.all.flatMap { [$0.name, $0.underscored] }
    return names.map { ["name": $0, "comma": $0 == names.last ? "" : ","] }
  }
}
