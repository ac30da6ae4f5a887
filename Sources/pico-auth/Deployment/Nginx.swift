/// The values that only nginx's templates use.
extension DeploymentValues {
  var nginx: TemplateValues {
    TemplateValues(texts: [
      "body_limit_mib": "\(bodyLimit >> 20)",
      "keepalive": "\(max(16, workers * threads))",
    ])
  }
}
