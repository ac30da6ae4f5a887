import Sessions
import Stores
import Tokens
import Wallets
import Wire

/// The values of all settings. Its properties are those of ``SettingDeclarations``. ``Configuration`` checks the
/// values.
@dynamicMemberLookup
public struct Settings: Sendable {
  /// The values that were set, by name. The others have their declaration's default.
  private var values: [String: any SettingValue] = [:]

  /// Creates settings with the defaults.
  public init() {}

  public subscript<Value: SettingValue>(
    dynamicMember declaration: KeyPath<SettingDeclarations, Setting<Value>>
  ) -> Value {
    get { self[SettingDeclarations.shared[keyPath: declaration]] }
    set { self[SettingDeclarations.shared[keyPath: declaration]] = newValue }
  }

  subscript<Value: SettingValue>(setting: Setting<Value>) -> Value {
    get { values[setting.name] as? Value ?? setting.defaultValue }
    set { values[setting.name] = newValue }
  }
}

extension Settings {
  /// The path of the signing keys: a PEM file, or a folder of PEM files.
  public var effectiveKeyPath: String { self.keyPath.isEmpty ? self.stateFolder + "/keys" : self.keyPath }
  /// The path of the file of pending challenges.
  public var effectiveChallengePath: String { path(self.challengePath, "challenges") }
  /// The path of the file of the mint audit.
  public var effectiveMintAuditPath: String { path(self.mintAuditPath, "mints") }
  /// The path of the file of revoked tokens.
  public var effectiveRevocationPath: String { path(self.revocationPath, "revocations") }

  /// The path of the file of sessions.
  public var effectiveSessionPath: String {
    self.sessionPath.isEmpty ? "\(self.stateFolder)/sessions.dat" : self.sessionPath
  }
  /// The path of the file that slows down guessing.
  public var effectiveThrottlePath: String {
    self.throttlePath.isEmpty ? "\(self.stateFolder)/throttle.dat" : self.throttlePath
  }

  /// The signature algorithm of refresh tokens.
  public var refreshAlgorithm: RefreshAlgorithm {
    RefreshAlgorithm(rawValue: self.refreshTokenAlgorithm) ?? .rs256
  }

  /// The file of each store, with the setting that names it. Further files of a store begin with its path and a dot.
  var storePaths: [(key: String, path: String)] {
    [
      ("challenge_store_path", effectiveChallengePath), ("revocation_store_path", effectiveRevocationPath),
      ("mint_audit_path", effectiveMintAuditPath), ("session_store_path", effectiveSessionPath),
      ("throttle_store_path", effectiveThrottlePath),
    ]
  }

  /// The paths that aren't absolute. Two processes in different folders would use different files.
  public var relativePaths: [String] {
    [
      self.stateFolder, self.keyPath, self.challengePath, self.revocationPath, self.mintAuditPath,
      self.sessionPath, self.throttlePath,
    ].filter { !$0.isEmpty && !$0.hasPrefix("/") }
  }

  private func path(_ configured: String, _ name: String) -> String {
    configured.isEmpty ? "\(self.stateFolder)/\(name).jsonl" : configured
  }
}

extension Settings {
  /// How long sessions and their tokens last.
  var sessionLimits: SessionLimits {
    SessionLimits(
      accessSeconds: self.accessTokenMinutes * 60, refreshSeconds: self.refreshTokenDays * 86400,
      sessionSeconds: self.sessionMaximumDays * 86400, idleSeconds: self.sessionIdleMinutes * 60,
      graceSeconds: self.refreshReuseGraceSeconds)
  }
}

extension SpaceReserve {
  /// Creates the reserve that the settings name, on the disk of the revocations.
  public convenience init(_ settings: Settings) {
    self.init(size: settings.stateReserve, forFile: settings.effectiveRevocationPath)
  }
}
