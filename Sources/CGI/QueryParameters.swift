import Wire

extension Request {
  /// The query's parameters with these names. Ignores all others.
  /// - Throws: ``Problem`` 400 that names a parameter if it is given twice.
  public func parameters(_ names: [String]) throws(Problem) -> [String: String] {
    var parameters: [String: String] = [:]
    for (name, value) in query where names.containsBytes(of: name) {
      guard parameters.updateValue(value, forKey: name) == nil else {
        throw Problem(.badRequest, "\(name) is given twice")
      }
    }
    return parameters
  }
}
