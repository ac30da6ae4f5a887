import Wire

/// One key of the configuration: its name in the file, what values it takes and where they go.
public struct SettingKey: Sendable {
  enum Kind: Sendable {
    case string(WritableKeyPath<Settings, String> & Sendable)
    case boolean(WritableKeyPath<Settings, Bool> & Sendable)
    case integer(WritableKeyPath<Settings, Int> & Sendable, ClosedRange<Int>)
    case list(WritableKeyPath<Settings, [String]> & Sendable)
  }

  /// As in the file; in the environment in capitals behind `SERVER_AUTH_`.
  public let name: String
  /// Whether the value is never shown.
  public let isSecret: Bool
  let kind: Kind
  /// What holds where the value is empty, as other values decide it.
  let effective: (@Sendable (Settings) -> String)?

  init(
    _ name: String, _ kind: Kind, isSecret: Bool = false,
    effective: (@Sendable (Settings) -> String)? = nil
  ) {
    self.name = name
    self.kind = kind
    self.isSecret = isSecret
    self.effective = effective
  }

  /// As in the environment.
  public var variable: String { "SERVER_AUTH_" + name.uppercased() }

  /// 100 years in seconds: no lifetime is longer.
  private static let century = 3_153_600_000

  /// Every key there is, in the order of the documentation.
  public static let all: [SettingKey] = [
    SettingKey("issuer", .string(\.issuer)),
    SettingKey("audience", .string(\.audience)),
    SettingKey("algorithm", .string(\.algorithm)),
    SettingKey("access_token_expire_minutes", .integer(\.accessTokenMinutes, 1...century / 60)),
    SettingKey("refresh_token_expire_days", .integer(\.refreshTokenDays, 1...century / 86400)),
    SettingKey("challenge_ttl_seconds", .integer(\.challengeSeconds, 1...86400)),
    SettingKey("supported_wallet_algorithms", .list(\.walletAlgorithms)),
    SettingKey("auto_create_admin", .boolean(\.allowsPasswordLogin)),
    SettingKey("admin_email", .string(\.adminEmail)),
    SettingKey("admin_password", .string(\.adminPassword), isSecret: true),
    SettingKey("admin_password_hash", .string(\.adminPasswordHash), isSecret: true),
    SettingKey("admin_role", .string(\.adminRole)),
    SettingKey("fleet_mint_secret", .string(\.fleetSecret), isSecret: true),
    SettingKey("fleet_session_ttl_seconds", .integer(\.fleetSessionSeconds, 60...century)),
    SettingKey("fleet_max_ttl_seconds", .integer(\.fleetMaximumSeconds, 60...century)),
    SettingKey(
      "fleet_allowed_roles", .list(\.fleetAllowedRoles),
      effective: {
        "(any but operator, wallet\($0.adminRole.hasSameBytes(as: "operator") ? "" : ", \($0.adminRole)"))"
      }),
    SettingKey("revocation_store_path", .string(\.revocationPath), effective: \.effectiveRevocationPath),
    SettingKey("mint_audit_path", .string(\.mintAuditPath), effective: \.effectiveMintAuditPath),
    SettingKey("challenge_store_path", .string(\.challengePath), effective: \.effectiveChallengePath),
    SettingKey("mint_audit_min_ttl_seconds", .integer(\.mintAuditMinimumSeconds, 0...century)),
    SettingKey("mint_audit_max_in_memory", .integer(\.mintAuditMaximumInMemory, 0...1_000_000_000)),
    SettingKey("mint_audit_required", .boolean(\.mintAuditRequired)),
    SettingKey("mint_audit_retention_days", .integer(\.mintAuditRetentionDays, 0...36500)),
    SettingKey("state_dir", .string(\.stateFolder)),
    SettingKey("state_reserve_bytes", .integer(\.stateReserve, 0...1 << 50)),
    SettingKey("key_path", .string(\.keyPath), effective: \.effectiveKeyPath),
    SettingKey("key_passphrase", .string(\.keyPassphrase), isSecret: true),
    SettingKey("base_path", .string(\.basePath)),
    SettingKey("max_request_body_bytes", .integer(\.maximumBodySize, 1024...262_144)),
    SettingKey("max_pending_challenges", .integer(\.maximumPendingChallenges, 1...1_000_000_000)),
    SettingKey("worker_timeout_seconds", .integer(\.workerTimeoutSeconds, 0...86400)),
    SettingKey("cookie_name", .string(\.cookieName)),
    SettingKey("trusted_proxies", .list(\.trustedProxies), effective: { _ in "(none)" }),
  ]
}
