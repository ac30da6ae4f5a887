import CGI
import Gate
import Logging
import POSIX
import Sessions
import Stores
import Tokens

/// What the routes share. Each route takes what it needs from it.
struct RouteContext: Sendable {
  let settings: Settings
  let stores: StoreSet
  let clock: Clock
  let logger: Logger
  /// The published keys, as a JSON Web Key Set. RFC 7517, section 5.
  let keySet: [UInt8]
  let gate: AccessGate
  let authenticator: Authenticator
  let verifier: TokenVerifier
  let subjects: ConfiguredSubjects
  let sessions: LiveSessions
  let grants: SessionGrants
  let fleetGrants: FleetGrants
  let ends: SessionEnds
  /// The cookie that may open a session; nil if cookies are disabled.
  let cookie: SessionCookie?
  let body: JSONBody
  let address: ClientAddress

  init(settings: Settings, keys: KeyRing, stores: StoreSet, clock: Clock, logger: Logger) {
    self.settings = settings
    self.stores = stores
    self.clock = clock
    self.logger = logger
    keySet = keys.keySet
    verifier = TokenVerifier(
      ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock)
    subjects = ConfiguredSubjects(settings)
    sessions = settings.liveSessions(stores, clock: clock)
    authenticator = Authenticator(
      verifier: verifier, revocations: stores.revocations, sessions: sessions)
    cookie = SessionCookie(configured: settings.cookieName, domain: settings.cookieDomain)
    gate = AccessGate(authenticator: authenticator, cookie: cookie)
    let failures = FailureLog(logger)
    let recorder = MintRecorder(
      audit: stores.mints, minimumLifetime: settings.mintAuditMinimumSeconds,
      isRequired: settings.mintAuditRequired
    ) { failures.error("tokens issued without a record", ["reason": "\($0)"]) }
    let issuer = TokenIssuer(
      ring: keys, issuer: settings.issuer, audience: settings.audience,
      refreshAlgorithm: settings.refreshAlgorithm, clock: clock)
    grants = SessionGrants(
      issuer: issuer, store: stores.sessions, revocations: stores.revocations, recorder: recorder,
      directory: subjects, limits: settings.sessionLimits, clock: clock)
    fleetGrants = FleetGrants(issuer: issuer, recorder: recorder, sessions: stores.sessions)
    ends = SessionEnds(
      store: stores.sessions, revocations: stores.revocations, mints: stores.mints, clock: clock)
    body = JSONBody(limit: settings.maximumBodySize)
    address = ClientAddress(trustedProxies: settings.trustedProxies)
  }
}
