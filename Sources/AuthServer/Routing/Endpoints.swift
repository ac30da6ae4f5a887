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
      "Begins a session for a signed challenge."
    ) { SignInRoute($0).respond },
    Endpoint(
      .post, hashing: "/login", query: ["cookie"], logsRefusals: true,
      "Begins a session for the operator's email and password."
    ) { LoginRoute($0).prepare },
    Endpoint(
      .post, "/refresh", access: .anybody, lane: .blocking, logsRefusals: true,
      "Exchanges a refresh token for a new pair of tokens."
    ) { RefreshRoute($0).respond },
    Endpoint(
      .post, "/fleet/sessions", access: .anybody, lane: .blocking, logsRefusals: true,
      "Issues a token for an agent. Needs the secret in `X-Fleet-Secret`."
    ) { FleetSessionRoute($0).respond },
    Endpoint(
      .post, "/logout", access: .anybody, lane: .blocking, "Ends the caller's session and removes its cookie."
    ) { LogoutRoute($0).respond },
    Endpoint(.get, "/me", only: .signedIn, lane: .immediate, "Says who the caller is.") { _ in
      MeRoute().respond
    },
    Endpoint(
      .get, "/sessions", only: .signedIn, lane: .blocking, query: SessionsRoute.parameters,
      "Lists the caller's sessions; for operators, those of anybody."
    ) { SessionsRoute($0).list },
    Endpoint(
      .delete, "/sessions/{sid}", only: .signedIn, lane: .blocking,
      "Ends a session of the caller; for operators, of anybody."
    ) { SessionsRoute($0).end },
    Endpoint(
      .post, "/revoke", only: .signedIn, lane: .blocking, logsRefusals: true,
      "Revokes a token by `jti` or `token`, a session by `sid`, or all that a subject has by `sub`. Callers without an operator's role revoke tokens and sessions of their own."
    ) { RevokeRoute($0).respond },
    Endpoint(
      .post, "/oauth/revoke", access: .anybody, lane: .blocking,
      "Revokes the token that a client has, and ends its session (RFC 7009)."
    ) { TokenRevocationRoute($0).respond },
    Endpoint(
      .post, "/oauth/introspect", only: .validators, lane: .blocking,
      "Tells whether a token is good, and what it says (RFC 7662)."
    ) { IntrospectionRoute($0).respond },
    Endpoint(
      .get, "/.well-known/oauth-authorization-server", isAbsolute: true,
      location: \WellKnownPaths.authorizationServer, access: .anybody, lane: .immediate,
      "What the server offers to OAuth clients (RFC 8414). An issuer with a path has it behind this one."
    ) { ServerMetadataRoute($0).respond },
    Endpoint(
      .get, "/.well-known/openid-configuration", isAbsolute: true,
      location: \WellKnownPaths.openIDConfiguration, access: .anybody, lane: .immediate,
      "The same. An issuer with a path has it before this one."
    ) { ServerMetadataRoute($0).respond },
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
