import CGI
import HTTPTypes
import Logging
import POSIX
import Stores
import Tokens
import Wire

/// The routes of the HTTP contract over keys and stores: one request in, one answer out.
///
/// Knows no web server, no FastCGI and no Redis, so a program can embed it and a test needs no socket. It
/// owns neither threads nor connections; ``respond(to:)`` may be called by any number of threads at once.
public final class AuthServer: Sendable {
  /// The stores that the routes work on.
  public struct Stores: Sendable {
    public var challenges: any ChallengeStore
    public var revocations: any RevocationStore
    public var mints: any MintAuditStore
    /// Disk space that the other stores leave to revocations; nil where they aren't on a disk of ours.
    public var reserve: SpaceReserve?

    public init(
      challenges: any ChallengeStore, revocations: any RevocationStore, mints: any MintAuditStore,
      reserve: SpaceReserve? = nil
    ) {
      self.reserve = reserve
      self.challenges = challenges
      self.revocations = revocations
      self.mints = mints
    }

    /// The shared files that the settings name.
    public static func files(_ settings: Settings, clock: Clock, logger: Logger) -> Stores {
      let reserve = SpaceReserve(settings)
      return Stores(
        challenges: JSONLChallengeStore(
          path: settings.effectiveChallengePath, lifetime: settings.challengeSeconds,
          limit: settings.maximumPendingChallenges, reserve: reserve, clock: clock, logger: logger),
        revocations: JSONLRevocationStore(
          path: settings.effectiveRevocationPath, clock: clock, logger: logger),
        mints: JSONLMintAuditStore(
          path: settings.effectiveMintAuditPath, retentionDays: settings.mintAuditRetentionDays,
          reserve: reserve, clock: clock, logger: logger), reserve: reserve)
    }
  }

  private let router: Router
  private let authorizer: Authorizer
  /// What decides on requests to the program's own routes, where this server is part of it.
  public let gate: Gate

  /// - Parameters:
  ///   - settings: checked settings, as ``Configuration`` gives them.
  ///   - keys: the signing keys.
  ///   - stores: where challenges and revocations are kept.
  public init(
    settings: Settings, keys: KeyRing, stores: Stores, clock: Clock = .system, logger: Logger
  ) {
    let issuing = TokenIssuing(
      settings: settings, keys: keys, audit: stores.mints, clock: clock, logger: logger)
    let verifier = TokenVerifier(
      ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock)
    let tokens = AccessTokens(verifier: verifier, revocations: stores.revocations)
    let bearer = BearerCheck(tokens: tokens)
    let cookie = SessionCookie(configured: settings.cookieName)
    let gate = Gate(tokens: tokens, cookie: cookie)
    let body = JSONBody(limit: settings.maximumBodySize)
    let operators =
      settings.adminRole.hasSameBytes(as: "operator") ? ["operator"] : [settings.adminRole, "operator"]

    let keySet = KeySetRoute(keySet: keys.keySet)
    let address = ClientAddress(trustedProxies: settings.trustedProxies)
    let challenge = ChallengeRoute(
      body: body, store: stores.challenges, lifetime: settings.challengeSeconds, address: address)
    let signIn = SignInRoute(
      body: body, store: stores.challenges, algorithms: settings.walletAlgorithms, issuing: issuing,
      cookie: cookie)
    let login = LoginRoute(body: body, settings: settings, issuing: issuing, cookie: cookie)
    let refresh = RefreshRoute(
      body: body, verifier: verifier, revocations: stores.revocations, issuing: issuing,
      cookie: cookie)
    let fleet = FleetSessionRoute(body: body, settings: settings, issuing: issuing)
    let revoke = RevokeRoute(
      body: body, bearer: bearer, roles: operators, revocations: stores.revocations,
      mints: stores.mints)
    let revoked = RevokedTokensRoute(
      bearer: bearer, roles: ["service"] + operators, revocations: stores.revocations)
    let mints = MintsRoute(
      bearer: bearer, roles: operators, maximum: max(1, settings.mintAuditMaximumInMemory),
      mints: stores.mints, revocations: stores.revocations, clock: clock)

    self.gate = gate
    let report: @Sendable (any Error) -> Problem = { [failures = LineBudget(total: 10, each: 10)] error in
      Self.problem(for: error, budget: failures, logger: logger)
    }
    authorizer = Authorizer(gate: gate, logger: logger)
    let health = HealthRoutes(stores: stores, isAuditRequired: settings.mintAuditRequired, logger: logger)
    let refusals = RefusalLog(address: address, logger: logger)

    router = Router(
      basePath: settings.basePath,
      routes: [
        Route(.get, "/jwks", lane: .immediate, handler: keySet.respond),
        Route(.post, "/challenge", lane: .blocking, handler: challenge.respond),
        Route(.post, "/sign-in", lane: .blocking, handler: refusals.watching("/sign-in", signIn.respond)),
        Route(.post, "/login", hashing: refusals.watching("/login", login.check)),
        Route(.post, "/refresh", lane: .blocking, handler: refusals.watching("/refresh", refresh.respond)),
        Route(
          .post, "/fleet/sessions", lane: .blocking,
          handler: refusals.watching("/fleet/sessions", fleet.respond)),
        Route(.post, "/revoke", lane: .blocking, handler: refusals.watching("/revoke", revoke.respond)),
        Route(.get, "/revoked-jtis", lane: .blocking, handler: revoked.respond),
        Route(.get, "/mints", lane: .blocking, handler: mints.respond),
        Route(nil, "/verify", lane: .immediate, handler: authorizer.verify),
        Route(.get, "/health", lane: .immediate, handler: health.live),
        Route(.get, "/health/ready", lane: .blocking, handler: health.ready),
      ],
      absoluteRoutes: [Route(.get, "/.well-known/jwks.json", lane: .immediate, handler: keySet.respond)],
      report: report)
  }

  /// Answers a request. Never fails: whatever goes wrong becomes a problem document.
  public func respond(to request: Request) -> Response {
    router.respond(to: request)
  }

  /// What answers a request, and whether that may wait: for a server that gives each lane its own threads.
  public func work(for request: Request) -> Work {
    router.work(for: request)
  }

  /// Answers a FastCGI authorizer's request: whether the web server may let its client's request through. Fields
  /// `Variable-…` of the answer are variables for whoever answers that. Never fails, and never lets through whom it
  /// can't tell. FastCGI specification, section 6.3.
  public func authorize(_ request: Request) -> Response {
    authorization(of: request).respond()
  }

  /// The same as work for a lane.
  public func authorization(of request: Request) -> Work {
    router.work(for: request, lane: .immediate, authorizer.authorize)
  }

  /// The one place where a failure of ours becomes an answer. What the client is told names no file and
  /// no cause; the log has both. For a process that fails before it has routes.
  public static func problem(for error: any Error, logger: Logger) -> Problem {
    problem(for: error, budget: LineBudget(total: 1, each: 1), logger: logger)
  }

  private static func problem(for error: any Error, budget: LineBudget, logger: Logger) -> Problem {
    // A full disk must not be filled with lines about it.
    let omitted = budget.take(for: nil)
    if let omitted, omitted > 0 { logger.error("failures not logged", metadata: ["count": "\(omitted)"]) }
    func note(_ message: Logger.Message) {
      if omitted != nil { logger.error(message, metadata: ["reason": "\(error)"]) }
    }
    switch error {
    case let error as StoreError:
      note("store unavailable")
      return Problem(
        .serviceUnavailable, "temporarily unavailable", fields: [.retryAfter: "\(error.retryAfter)"])
    default:
      note("request failed")
      return Problem(.internalServerError, "internal error")
    }
  }
}
