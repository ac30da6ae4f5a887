import CGI
import Gate
import HTTPTypes

/// What web servers ask of the gate: `{base}/verify` of a server that makes a request of its own for each of its
/// client's (nginx `auth_request`, Caddy `forward_auth`, Traefik ForwardAuth), and the FastCGI role of an authorizer.
struct Authorizer: Sendable {
  private let gate: AccessGate
  private let failures: FailureLog

  init(_ context: RouteContext) {
    gate = context.gate
    failures = FailureLog(context.logger)
  }

  /// 204 with the identity in the fields, or 401, or 403; 503 where it can't be told. Body, Content-Length and method
  /// are those of somebody else's request, and not looked at.
  @Sendable func verify(_ request: Request) throws -> Response {
    // The query is that of the web server's own request.
    let inputs = GateInputs(request)
    let requirements = try clear { () throws(Requirements.Unclear) in
      [try Requirements(parameters: inputs), try Requirements(query: request.query)]
    }
    let admission = try gate.admit(request, requirements)
    // A query may be a script's, which HttpOnly keeps from reading the cookie's token.
    let isAskedByQuery =
      admission.credential.kind != .cookie
      && request.query.contains { $0.name == "token" && GateInputs.isYes($0.value) }
    return Response(
      status: .noContent,
      fields: admission.fields(
        .fields, withToken: isAskedByQuery || inputs.asksForToken))
  }

  /// 200 with the identity in variables, or a refusal that the web server passes on.
  @Sendable func authorize(_ request: Request) throws -> Response {
    // The query is the client's here, and has no say.
    let inputs = GateInputs(request)
    let requirements = try clear { () throws(Requirements.Unclear) in
      try Requirements(parameters: inputs)
    }
    let admission = try gate.admit(request, [requirements])
    return Response(
      status: .ok,
      fields: admission.fields(.variables, withToken: inputs.asksForToken))
  }

  /// - Throws: `Refusal` 403 where the web server's configuration isn't clear.
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
