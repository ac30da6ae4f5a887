import CGI
import Gate
import HTTPTypes
import Sessions

/// Answers web servers that ask whether a client's request may pass. There are two ways to ask: a request to
/// `{base}/verify` for each request of a client (nginx `auth_request`, Caddy `forward_auth`, Traefik ForwardAuth),
/// and the FastCGI authorizer role.
struct Authorizer: Sendable {
  private let gate: AccessGate
  private let grants: SessionGrants
  private let failures: FailureLog

  init(_ context: RouteContext) {
    gate = context.gate
    grants = context.grants
    failures = FailureLog(context.logger)
  }

  /// Answers 204 with the identity headers, 401, 403, or 503 if a store fails. It ignores the method, Content-Length
  /// and body, because they are the client's.
  /// - Throws: `Refusal`; `StoreError` if the store can't tell whether the token is revoked.
  @Sendable func verify(_ request: Request) throws -> Response {
    // The web server makes this request itself, so the query is its own and may require something.
    let inputs = GateInputs(request)
    let requirements = try clear { () throws(Requirements.Unclear) in
      [try Requirements(parameters: inputs), try Requirements(query: request.query)]
    }
    let admission = try gate.admit(inputs, requirements)
    // A script in a page may send a query too. HttpOnly keeps the cookie's token from scripts, so the answer must not
    // reveal it.
    let isAskedByQuery =
      admission.credential.kind != .cookie
      && request.query.contains { $0.name == "token" && GateInputs.isYes($0.value) }
    return Response(
      status: .noContent,
      fields: admission.fields(.fields, token: try token(admission, isAskedByQuery || inputs.asksForToken)))
  }

  /// Answers 200 with the identity in variables, or a refusal that the web server sends to its client.
  /// - Throws: `Refusal`; `StoreError` if the store can't tell whether the token is revoked.
  @Sendable func authorize(_ request: Request) throws -> Response {
    // The query is the client's, so it can't require anything.
    let inputs = GateInputs(request)
    let requirements = try clear { () throws(Requirements.Unclear) in
      try Requirements(parameters: inputs)
    }
    let admission = try gate.admit(inputs, [requirements])
    return Response(
      status: .ok,
      fields: admission.fields(.variables, token: try token(admission, inputs.asksForToken)))
  }

  /// The access token for the application; nil if it doesn't ask for one. For a cookie, it is a token of the session.
  private func token(_ admission: AccessGate.Admission, _ isAsked: Bool) throws -> String? {
    guard isAsked else { return nil }
    guard let session = admission.identity.session else { return admission.credential.token }
    guard let token = try grants.accessToken(of: session) else { throw Refusal.sessionOver }
    return token
  }

  /// Reads requirements, and logs a mistake in them.
  /// - Throws: `Refusal` 403 if the web server's configuration has an unclear requirement.
  private func clear<Value>(_ read: () throws(Requirements.Unclear) -> Value) throws(Refusal) -> Value {
    do throws(Requirements.Unclear) {
      return try read()
    } catch {
      failures.error(
        "unclear requirement in the web server's configuration", ["in": "\(error.parameter ?? "query")"])
      throw .unclearRequirement
    }
  }
}
