import CGI

/// Every route there is, in the order of the documentation. The router, README's table and the manual are made of it.
public enum Endpoints {
  public static let all: [Endpoint] = [
    Endpoint(.get, "/jwks", lane: .immediate, "the public keys") { KeySetRoute($0).respond },
    Endpoint(.get, "/.well-known/jwks.json", isAbsolute: true, lane: .immediate, "the same") {
      KeySetRoute($0).respond
    },
    Endpoint(.post, "/challenge", lane: .blocking, "a challenge for an address") {
      ChallengeRoute($0).respond
    },
    Endpoint(
      .post, "/sign-in", lane: .blocking, query: ["cookie"], logsRefusals: true,
      "tokens for a signed challenge"
    ) { SignInRoute($0).respond },
    Endpoint(
      .post, hashing: "/login", query: ["cookie"], logsRefusals: true, "tokens for the operator's password"
    ) { LoginRoute($0).check },
    Endpoint(
      .post, "/refresh", lane: .blocking, query: ["cookie"], logsRefusals: true,
      "a new pair of tokens for a refresh token"
    ) { RefreshRoute($0).respond },
    Endpoint(
      .post, "/fleet/sessions", lane: .blocking, logsRefusals: true,
      "a token for an agent, for the secret in `X-Fleet-Secret`"
    ) { FleetSessionRoute($0).respond },
    Endpoint(
      .post, "/revoke", only: .operators, lane: .blocking, logsRefusals: true, "revokes a token by its `jti`"
    ) { RevokeRoute($0).respond },
    Endpoint(
      .get, "/revoked-jtis", only: .validators, lane: .blocking, query: RevokedTokensRoute.parameters,
      "the revoked tokens, which validators poll"
    ) { RevokedTokensRoute($0).respond },
    Endpoint(
      .get, "/mints", only: .operators, lane: .blocking, query: MintsRoute.parameters,
      "the tokens that were issued, newest first"
    ) { MintsRoute($0).respond },
    Endpoint(
      nil, "/verify", access: .webServers, lane: .immediate,
      query: ["role", "scope", "group", "audience", "token"],
      "whether a web server may let a request through"
    ) { Authorizer($0).verify },
    Endpoint(.get, "/health", lane: .immediate, "whether a worker answers") { _ in HealthRoute.respond },
    Endpoint(.get, "/health/ready", lane: .blocking, "whether the stores could take a record now") {
      ReadinessRoute($0).respond
    },
  ]
}
