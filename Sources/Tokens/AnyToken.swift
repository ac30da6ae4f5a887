import Wire

extension TokenVerifier {
  /// The claims of an access token or a refresh token, even if it has expired.
  /// - Throws: ``TokenError`` `.invalid`.
  public func genuineClaims(ofAny token: String) throws(TokenError) -> Claims {
    try genuineClaims(of: token, as: .refresh)
  }

  /// Whether a text has the form of a token: three parts, of which the first is a header.
  public static func isToken(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64URL.decode(parts[0].utf8) else { return false }
    return (try? JSONObject(parsing: header)) != nil
  }
}
