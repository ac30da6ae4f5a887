import CGI
import Gate
import Logging
import POSIX
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
  let grants: TokenGrants
  /// The cookie that may carry an access token; nil if cookies are disabled.
  let cookie: SessionCookie?
  let body: JSONBody
  let address: ClientAddress

  init(settings: Settings, keys: KeyRing, stores: StoreSet, clock: Clock, logger: Logger) {
    self.settings = settings
    self.stores = stores
    self.clock = clock
    self.logger = logger
    keySet = keys.keySet
    authenticator = Authenticator(
      verifier: TokenVerifier(
        ring: keys, issuer: settings.issuer, audience: settings.audience, clock: clock),
      revocations: stores.revocations)
    cookie = SessionCookie(configured: settings.cookieName)
    gate = AccessGate(authenticator: authenticator, cookie: cookie)
    grants = TokenGrants(
      settings: settings, keys: keys, audit: stores.mints, reserve: stores.reserve, clock: clock,
      logger: logger)
    body = JSONBody(limit: settings.maximumBodySize)
    address = ClientAddress(trustedProxies: settings.trustedProxies)
  }
}
