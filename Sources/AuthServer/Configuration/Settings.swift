import Stores
import Wallets
import Wire

/// The effective configuration, checked. What each key means stands in the README's table.
public struct Settings: Sendable {
  public var issuer = "http://localhost:8100"
  public var audience = "pico"
  public var algorithm = "RS256"
  public var accessTokenMinutes = 15
  public var refreshTokenDays = 7
  public var challengeSeconds = 60
  public var walletAlgorithms = WalletSchemes.onByDefault
  public var allowsPasswordLogin = false
  public var adminEmail = "admin@pico.local"
  public var adminPassword = ""
  public var adminPasswordHash = ""
  public var adminRole = "operator"
  public var fleetSecret = ""
  public var fleetSessionSeconds = 86400
  public var fleetMaximumSeconds = 3_153_600_000
  /// Empty: any but those that mean a person; see ``allowsFleetRole(_:)``.
  public var fleetAllowedRoles: [String] = []
  public var revocationPath = ""
  public var mintAuditPath = ""
  public var challengePath = ""
  public var mintAuditMinimumSeconds = 300
  public var mintAuditMaximumInMemory = 5000
  public var mintAuditRequired = true
  /// 0: for ever.
  public var mintAuditRetentionDays = 365
  public var stateFolder = "/var/lib/pico-auth"
  /// What challenges and mints leave free for revocations. Bytes; 0 for nothing.
  public var stateReserve = 64 << 20
  public var keyPath = ""
  public var keyPassphrase = ""
  public var basePath = "/api/v1/auth"
  public var maximumBodySize = 65536
  public var maximumPendingChallenges = 1_000_000
  /// 0: a worker that hangs is never replaced.
  public var workerTimeoutSeconds = 30
  /// Addresses and ranges whose X-Forwarded-For is believed.
  public var trustedProxies: [String] = []
  /// Empty: no cookies.
  public var cookieName = ""

  /// The defaults.
  public init() {}
}

extension Settings {
  /// Where the signing keys are.
  public var effectiveKeyPath: String { keyPath.isEmpty ? stateFolder + "/keys" : keyPath }
  public var effectiveChallengePath: String { path(challengePath, "challenges") }
  public var effectiveMintAuditPath: String { path(mintAuditPath, "mints") }
  public var effectiveRevocationPath: String { path(revocationPath, "revocations") }

  /// Paths that mean another place in each process that starts in another folder.
  public var relativePaths: [String] {
    [stateFolder, keyPath, challengePath, revocationPath, mintAuditPath].filter {
      !$0.isEmpty && !$0.hasPrefix("/")
    }
  }

  /// Whether whoever knows the fleet secret may ask for a role. An operator's or a wallet's only where it is listed.
  func allowsFleetRole(_ role: String) -> Bool {
    fleetAllowedRoles.isEmpty
      ? !["operator", "wallet", adminRole].containsBytes(of: role) : fleetAllowedRoles.containsBytes(of: role)
  }

  /// Whether a text is the email of somebody who may log in, in whatever case.
  func isLoginName(_ text: String) -> Bool {
    allowsPasswordLogin && text.lowercased().hasSameBytes(as: adminEmail.lowercased())
  }

  private func path(_ configured: String, _ name: String) -> String {
    configured.isEmpty ? "\(stateFolder)/\(name).jsonl" : configured
  }
}

extension SpaceReserve {
  /// The reserve that the settings name, on the disk of the revocations.
  public convenience init(_ settings: Settings) {
    self.init(size: settings.stateReserve, forFile: settings.effectiveRevocationPath)
  }
}
