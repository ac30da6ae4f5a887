import Stores
import Wallets
import Wire

/// The effective configuration, checked. Its properties are those of ``SettingDeclarations``.
@dynamicMemberLookup
public struct Settings: Sendable {
  /// What was given, by name; all else is as declared.
  private var values: [String: any SettingValue] = [:]

  /// The defaults.
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
  /// Where the signing keys are.
  public var effectiveKeyPath: String { self.keyPath.isEmpty ? self.stateFolder + "/keys" : self.keyPath }
  public var effectiveChallengePath: String { path(self.challengePath, "challenges") }
  public var effectiveMintAuditPath: String { path(self.mintAuditPath, "mints") }
  public var effectiveRevocationPath: String { path(self.revocationPath, "revocations") }

  /// Paths that mean another place in each process that starts in another folder.
  public var relativePaths: [String] {
    [self.stateFolder, self.keyPath, self.challengePath, self.revocationPath, self.mintAuditPath].filter {
      !$0.isEmpty && !$0.hasPrefix("/")
    }
  }

  private func path(_ configured: String, _ name: String) -> String {
    configured.isEmpty ? "\(self.stateFolder)/\(name).jsonl" : configured
  }
}

extension SpaceReserve {
  /// The reserve that the settings name, on the disk of the revocations.
  public convenience init(_ settings: Settings) {
    self.init(size: settings.stateReserve, forFile: settings.effectiveRevocationPath)
  }
}
