import CGI

/// The table of all routes, in the order of the documentation. The router, README's table and the manual are made
/// from it.
public enum Endpoints {
  /// Every route.
  public static let all: [Endpoint] = [
    Endpoint(.get, "/jwks", access: .anybody, lane: .immediate, "The public keys, as a JSON Web Key Set.") {
      KeySetRoute($0).respond
    },
    Endpoint(
      .get, "/.well-known/jwks.json", isAbsolute: true, access: .anybody, lane: .immediate, "The same."
    ) {
      KeySetRoute($0).respond
    },
    Endpoint(
      .post, "/challenge", access: .anybody, lane: .blocking, "Makes a challenge for a wallet's address."
    ) {
      ChallengeRoute($0).respond
    },
    Endpoint(
      .post, "/sign-in", access: .anybody, lane: .blocking, query: ["cookie"], logsRefusals: true,
      "Issues tokens for a signed challenge."
    ) { SignInRoute($0).respond },
    Endpoint(
      .post, hashing: "/login", query: ["cookie"], logsRefusals: true,
      "Issues tokens for the operator's email and password."
    ) { LoginRoute($0).check },
    Endpoint(
      .post, "/refresh", access: .anybody, lane: .blocking, query: ["cookie"], logsRefusals: true,
      "Issues a new pair of tokens for a refresh token."
    ) { RefreshRoute($0).respond },
    Endpoint(
      .post, "/fleet/sessions", access: .anybody, lane: .blocking, logsRefusals: true,
      "Issues a token for an agent. Needs the secret in `X-Fleet-Secret`."
    ) { FleetSessionRoute($0).respond },
    Endpoint(
      .post, "/revoke", only: .operators, lane: .blocking, logsRefusals: true, "Revokes a token by its `jti`."
    ) { RevokeRoute($0).respond },
    Endpoint(
      .get, "/revoked-jtis", only: .validators, lane: .blocking, query: RevokedTokensRoute.parameters,
      "Lists revoked tokens; validators poll it."
    ) { RevokedTokensRoute($0).respond },
    Endpoint(
      .get, "/mints", only: .operators, lane: .blocking, query: MintsRoute.parameters,
      "Lists the tokens issued, newest first."
    ) { MintsRoute($0).respond },
    Endpoint(
      nil, "/verify", access: .webServers, lane: .immediate,
      query: ["role", "scope", "group", "audience", "token"],
      "Tells whether a client's request may pass."
    ) { Authorizer($0).verify },
    Endpoint(.get, "/health", access: .anybody, lane: .immediate, "Whether the process answers.") { _ in
      HealthRoute.respond
    },
    Endpoint(.get, "/health/ready", access: .anybody, lane: .blocking, "Whether the process can do its work.")
    {
      ReadinessRoute($0).respond
    },
  ]
}
