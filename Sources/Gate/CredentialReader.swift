/// Reads the credentials of a request.
struct CredentialReader: Sendable {
  /// The cookie that may open a session; nil if the reader reads no cookie.
  let cookie: SessionCookie?

  /// The credential of the user: from the Authorization field or, if the request has none, from the cookie.
  /// - Throws: ``Refusal`` 401 if there is no credential or it is malformed; 403 if a page of another site may have
  ///   caused a request with the cookie.
  func credential(in inputs: GateInputs) throws(Refusal) -> Credential {
    // A malformed field is refused even if the cookie holds a good token: the client meant the field.
    if inputs[.authorization] == nil, let cookie, let value = try cookie.value(in: inputs) {
      return Credential(token: value, kind: .cookie)
    }
    return try bearer(in: inputs)
  }

  /// The token in the Authorization field.
  /// - Throws: ``Refusal`` 401 if the field is absent or malformed.
  func bearer(in inputs: GateInputs) throws(Refusal) -> Credential {
    guard let field = inputs[.authorization] else { throw Refusal(.missing) }
    return try Self.bearer(field)
  }

  /// The token in the value of an Authorization field.
  /// - Throws: ``Refusal`` 401 if the value is malformed.
  static func bearer(_ field: String) throws(Refusal) -> Credential {
    guard let token = BearerHeader.token(field) else { throw Refusal(.malformed) }
    return Credential(token: token, kind: .bearer)
  }

  /// The agent's token, which pico-client-auth sends in X-Agent-Authorization; nil if the field is absent.
  /// - Throws: ``Refusal`` 401 if the field is malformed.
  func agent(in inputs: GateInputs) throws(Refusal) -> Credential? {
    guard let field = inputs[.agentAuthorization] else { return nil }
    guard let token = BearerHeader.token(field) else { throw Refusal(.malformed, .agent) }
    return Credential(token: token, kind: .agent)
  }
}
