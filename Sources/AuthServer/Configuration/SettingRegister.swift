import Synchronization

/// Lists the settings in the order in which Swift initializes their declarations. Reflection (`Mirror`) gives the same list, but
/// takes a tenth of a CGI script's start.
enum SettingRegister {
  private static let settings = Mutex<[any ReadableSetting]>([])

  /// Adds a setting. `Setting.init` calls it.
  static func add(_ setting: any ReadableSetting) {
    settings.withLock { $0.append(setting) }
  }

  /// Makes the declarations, and lists them.
  static func collect(
    _ make: () -> SettingDeclarations
  ) -> (declarations: SettingDeclarations, list: [any ReadableSetting]) {
    settings.withLock { $0 = [] }
    let declarations = make()
    return (declarations, settings.withLock { $0 })
  }
}
