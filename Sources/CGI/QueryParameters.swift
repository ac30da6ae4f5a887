extension Request {
  /// The query's parameters with these names. Ignores all others.
  /// - Throws: ``Problem`` 400 that names a parameter if it is given twice.
  public func parameters(_ names: [String]) throws(Problem) -> [String: String] {
    try FormEncoding.parameters(names, in: query)
  }
}
