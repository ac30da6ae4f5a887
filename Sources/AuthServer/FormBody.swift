import CGI

/// Reads the parameters in the body of a POST request from an OAuth client. RFC 6749, appendix B.
struct FormBody: Sendable {
  /// The longest body. Bytes.
  let limit: Int

  /// Reads the token of a revocation or an introspection. `token_type_hint` would make a search shorter, and there is
  /// none here. RFC 7009, section 2.1; RFC 7662, section 2.1.
  /// - Throws: ``Problem``, as ``read(_:_:)`` does, and 400 if there is no token.
  func token(of request: Request) throws -> String {
    let token = try read(request, ["token", "token_type_hint"])["token"] ?? ""
    guard !token.isEmpty else { throw Problem(.badRequest, "token required") }
    return token
  }

  /// Reads the body of a request.
  /// - Parameter names: the parameters that the route knows. Others are ignored. RFC 6749, section 3.2.
  /// - Throws: ``Problem`` 415 if the media type isn't `application/x-www-form-urlencoded`, 413 if the body is too long,
  ///   400 if it isn't UTF-8 or has a parameter twice.
  func read(_ request: Request, _ names: [String]) throws -> [String: String] {
    guard request.hasFormMediaType else {
      throw Problem(
        .unsupportedMediaType, "Content-Type must be application/x-www-form-urlencoded",
        fields: [.accept: "application/x-www-form-urlencoded"])
    }
    let bytes: [UInt8]
    do throws(BodyError) {
      bytes = try request.body(limit: limit)
    } catch {
      throw error.problem(limit: limit)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Problem(.badRequest, "body must be UTF-8")
    }
    return try FormEncoding.parameters(names, in: FormEncoding.pairs(text))
  }
}
