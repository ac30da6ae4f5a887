import Wallets

/// Every setting, in the order of the documentation. This is the only list: a property here is a property of
/// ``Settings``.
public struct SettingDeclarations: Sendable {
  /// The longest lifetime, 100 years. Seconds.
  private static let century = 3_153_600_000

  public let issuer = Setting(
    "issuer", "http://localhost:8100", shipped: "http://localhost:8100",
    "The `iss` claim of every token: the URL that clients know this server by.")
  public let audience = Setting(
    "audience", "pico",
    "The `aud` claim of every token.")
  public let algorithm = Setting(
    "algorithm", "RS256",
    "The signature algorithm of tokens. `RS256` is the only value.")
  public let accessTokenMinutes = Setting(
    "access_token_expire_minutes", 15, in: 1...Self.century / 60, unit: .minutes,
    "Lifetime of an access token.")
  public let refreshTokenDays = Setting(
    "refresh_token_expire_days", 7, in: 1...Self.century / 86400, unit: .days,
    "Lifetime of a refresh token.")
  public let refreshTokenAlgorithm = Setting(
    "refresh_token_algorithm", "RS256", shipped: "HS256",
    "The signature algorithm of refresh tokens: `RS256`, or `HS256` with a key that only this server can derive. HS256 is faster, and no validator of access tokens can ever accept such a refresh token. Choose RS256 if other programs read refresh tokens."
  )
  public let refreshReuseGraceSeconds = Setting(
    "refresh_reuse_grace_seconds", 10, in: 0...300, unit: .seconds,
    "How long a refresh token that was just exchanged gets the same answer again. After that time, its use ends the session."
  )
  public let sessionMaximumDays = Setting(
    "session_max_days", 30, in: 1...36500, unit: .days,
    "Longest duration of a session, from sign-in to its end.")
  public let sessionIdleMinutes = Setting(
    "session_idle_minutes", 60, in: 2...Self.century / 60, unit: .minutes,
    "How long a session with a cookie may be unused before it ends.")
  public let challengeSeconds = Setting(
    "challenge_ttl_seconds", 60, in: 1...86400, unit: .seconds,
    "Lifetime of a challenge.")
  public let maximumPendingChallenges = Setting(
    "max_pending_challenges", 1_000_000, in: 1...1_000_000_000,
    "How many challenges may be pending for all addresses together. Above this limit, `/challenge` answers 503. From half the limit on, it also answers 503 to clients that request far more challenges than others."
  )
  public let walletAlgorithms = Setting(
    "supported_wallet_algorithms", WalletSchemes.onByDefault,
    "List of the algorithms that wallets may sign in with. In the environment, separate the entries with commas."
  )
  public let siteOrigins = Setting(
    "site_origins", [], unset: "origin of `issuer`",
    effective: { "[\($0.effectiveSiteOrigins.map(\.description).joined(separator: ", "))]" },
    "List of the origins of the pages on which people sign in, such as `https://app.example.org`. The messages that wallets sign name one of them. The first one counts for clients that don't name a site. In the environment, separate the entries with commas."
  )
  public let signInStatement = Setting(
    "sign_in_statement", "Sign in with your wallet",
    "The sentence that wallets show in `EIP-4361` and `SIWS` messages: ASCII letters, digits, spaces and the punctuation marks of URLs."
  )
  public let ethereumChains = Setting(
    "ethereum_chain_ids", ["1"],
    "List of the numbers of the chains for which Ethereum accounts may sign in. The first one counts for clients that don't name a chain. In the environment, separate the entries with commas."
  )
  public let strictWalletKeys = Setting(
    "strict_wallet_keys", true,
    "Refuses keys that could give one person several addresses: uncompressed `secp256k1` keys, and `Ed25519` keys with a part of small order. Set false if clients send uncompressed keys."
  )
  public let challengeFormat = Setting(
    "challenge_format", "nonce",
    "What wallets sign with `ML-DSA-65`, `Ed25519` and `secp256k1`: the challenge alone (`nonce`, as pico-server-auth does), or the site's origin, a line feed and the challenge (`bound`), which no other site can relay. Use `bound` if you control the wallets as well: docs/wallets.md."
  )
  public let allowsPasswordLogin = Setting(
    "auto_create_admin", false,
    "Enables `/login` for the operator. If false, `/login` answers 403.")
  public let adminEmail = Setting(
    "admin_email", "admin@pico.local",
    "The operator's email for `/login`.")
  public let adminPasswordHash = Setting(
    "admin_password_hash", "", isSecret: true,
    "Argon2id hash of the operator's password, as `pico-auth hash-password` prints it.")
  public let adminPassword = Setting(
    "admin_password", "", isSecret: true,
    "The operator's password in the clear, for configurations of pico-server-auth. pico-auth logs a warning; use `admin_password_hash`."
  )
  public let adminRole = Setting(
    "admin_role", "operator",
    "The `role` claim of the operator's tokens. It can't be `agent`, `service`, `user` or `wallet`.")
  public let stateFolder = Setting(
    "state_dir", "/var/lib/pico-auth", shipped: "/var/lib/pico-auth",
    "Folder of the keys and the shared files.")
  public let stateReserve = Setting(
    "state_reserve_bytes", 64 << 20, in: 0...1 << 50, unit: .bytes,
    "Disk space that is reserved for revocations. With less free space, pico-auth refuses challenges and tokens with 503; revocations still work. Set 16777216 or more. 0: no reserve."
  )
  public let keyPath = Setting(
    "key_path", "", unset: "`<state_dir>/keys`", effective: { $0.effectiveKeyPath },
    "The signing keys: a PEM file, or a folder of PEM files.")
  public let keyPassphrase = Setting(
    "key_passphrase", "", isSecret: true,
    "Passphrase of encrypted PEM files. Empty: the files aren't encrypted.")
  public let fleetSecret = Setting(
    "fleet_mint_secret", "", isSecret: true,
    "Secret that a fleet sends in `X-Fleet-Secret` to get sessions for its agents: printable ASCII without spaces and commas, such as `openssl rand -hex 32` makes. Empty: `/fleet/sessions` answers 404."
  )
  public let fleetSessionSeconds = Setting(
    "fleet_session_ttl_seconds", 86400, in: 60...Self.century, unit: .seconds,
    "Lifetime of a fleet session that names no `ttl`.")
  public let fleetMaximumSeconds = Setting(
    "fleet_max_ttl_seconds", Self.century, in: 60...Self.century, unit: .seconds,
    "Longest lifetime of a fleet session. The default is 100 years.")
  public let fleetAllowedRoles = Setting(
    "fleet_allowed_roles", [], unset: "any but `operator`, `admin_role`, `wallet`",
    effective: { $0.rolesOfFleets },
    "List of the roles that a fleet session may have. Unset: any role except those of operators and wallets, in upper or lower case, and no role with a comma, a semicolon, white space or an invisible character."
  )
  public let challengePath = Setting(
    "challenge_store_path", "", unset: "`<state_dir>/challenges.jsonl`",
    effective: { $0.effectiveChallengePath },
    "File of the pending challenges.")
  public let revocationPath = Setting(
    "revocation_store_path", "", unset: "`<state_dir>/revocations.jsonl`",
    effective: { $0.effectiveRevocationPath },
    "File of the revoked tokens.")
  public let sessionPath = Setting(
    "session_store_path", "", unset: "`<state_dir>/sessions.dat`", effective: { $0.effectiveSessionPath },
    "File of the sessions.")
  public let throttlePath = Setting(
    "throttle_store_path", "", unset: "`<state_dir>/throttle.dat`", effective: { $0.effectiveThrottlePath },
    "File of the failed attempts that slow down guessing.")
  public let mintAuditPath = Setting(
    "mint_audit_path", "", unset: "`<state_dir>/mints.jsonl`", effective: { $0.effectiveMintAuditPath },
    "File of the mint audit: the record of the tokens issued.")
  public let mintAuditRequired = Setting(
    "mint_audit_required", true,
    "If true, pico-auth answers 503 instead of issuing a token that it can't record. If false, it issues the token and logs an error."
  )
  public let mintAuditMinimumSeconds = Setting(
    "mint_audit_min_ttl_seconds", 300, in: 0...Self.century, unit: .seconds,
    "Tokens with a shorter lifetime aren't recorded. Fleet sessions always are. 0: every token is recorded.")
  public let mintAuditMaximumInMemory = Setting(
    "mint_audit_max_in_memory", 5000, in: 0...1_000_000_000,
    "Maximum number of items that `/mints` returns, even if `limit` is higher.")
  public let mintAuditRetentionDays = Setting(
    "mint_audit_retention_days", 365, in: 0...36500, unit: .days,
    "How long archives of the mint audit are kept. 0: forever.")
  public let passwordCheckConcurrency = Setting(
    "password_check_concurrency", 0, in: 0...256,
    "How many passwords a worker checks at the same time. 0: half of its threads, but at least one.")
  public let workerTimeoutSeconds = Setting(
    "worker_timeout_seconds", 30, in: 0...86400, unit: .seconds,
    "Time without a heartbeat after which `serve` kills and replaces a worker. 0: never.")
  public let basePath = Setting(
    "base_path", "/api/v1/auth", spelling: { $0.isEmpty ? "/" : $0 },
    "Path that the routes begin with. `/`: the routes are at the root.")
  public let maximumBodySize = Setting(
    "max_request_body_bytes", 65536, in: 1024...262_144, unit: .bytes,
    "Longest request body. Beyond it, pico-auth answers 413.")
  public let cookieName = Setting(
    "cookie_name", "",
    "Enables sessions with a cookie, `__Host-<name>`: docs/gate.md, Cookies. Empty: no cookies.")
  public let cookieDomain = Setting(
    "cookie_domain", "",
    "Sends the cookie, `__Secure-<name>` then, to this domain and all hosts below it, for single sign-on. Any of these hosts can then use and replace a session: docs/gate.md, Cookies. Empty: to this host only."
  )
  public let trustedProxies = Setting(
    "trusted_proxies", [], unset: "none", effective: { _ in "(none)" },
    "List of the addresses and ranges of proxies whose X-Forwarded-For is trusted. Unset: X-Forwarded-For is ignored."
  )

}

extension SettingDeclarations {
  private static let declared = SettingRegister.collect { SettingDeclarations() }

  static let shared = declared.declarations

  /// The declarations as a list, in their order.
  static let readable: [any ReadableSetting] = declared.list

  /// The declarations as a list, in their order.
  public static let all: [any SettingDeclaration] = readable
}
