import CGI

/// Reads the parameters of a list's query.
extension [String: String] {
  /// The value of `limit`.
  /// - Throws: ``Problem`` 400 if it isn't a whole number above 0.
  func limit(default leftOut: Int) throws(Problem) -> Int {
    guard let text = self["limit"] else { return leftOut }
    guard let limit = Int(text), limit > 0 else {
      throw Problem(.badRequest, "limit must be a whole number above 0")
    }
    return limit
  }

  /// The value of a flag; false if it is left out.
  /// - Throws: ``Problem`` 400 if it is neither `true` nor `false`.
  func flag(_ name: String) throws(Problem) -> Bool {
    switch self[name] {
    case nil, "false": false
    case "true": true
    default: throw Problem(.badRequest, "\(name) must be true or false")
    }
  }
}
