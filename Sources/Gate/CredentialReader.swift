/// Finds the credentials of a request.
struct CredentialReader: Sendable {
  let cookie: SessionCookie?

  /// The token of whoever the request is from: in the Authorization field, else in the cookie.
  /// - Throws: ``Refusal``.
  func credential(in inputs: GateInputs) throws(Refusal) -> Credential {
    // A field that is there and no good is never made up for by a cookie.
    if inputs[.authorization] == nil, let cookie, let token = try cookie.token(in: inputs) {
      return Credential(token: token, kind: .cookie)
    }
    return try bearer(in: inputs)
  }

  /// The token in the Authorization field.
  /// - Throws: ``Refusal``.
  func bearer(in inputs: GateInputs) throws(Refusal) -> Credential {
    guard let field = inputs[.authorization] else { throw Refusal(.missing) }
    return try Self.bearer(field)
  }

  static func bearer(_ field: String) throws(Refusal) -> Credential {
    guard let token = BearerHeader.token(field) else { throw Refusal(.malformed) }
    return Credential(token: token, kind: .bearer)
  }

  /// The agent's token that comes beside the first, as pico-client-auth has it; nil without one.
  /// - Throws: ``Refusal``.
  func agent(in inputs: GateInputs) throws(Refusal) -> Credential? {
    guard let field = inputs[.agentAuthorization] else { return nil }
    guard let token = BearerHeader.token(field) else { throw Refusal(.malformed, .agent) }
    return Credential(token: token, kind: .agent)
  }
}
