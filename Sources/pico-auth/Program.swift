import AuthServer
import Gate
import Glibc
import Logging
import Observation
import POSIX
import Tokens

/// What all ways to start have in common: finding the configuration, logging, putting the server together.
enum Program {
  static let clock = Clock.system
  static let version = "0.1.0"

  /// Names the configuration file for processes that nobody gives arguments: workers and CGI scripts.
  static let configVariable = "PICO_AUTH_CONFIG"
  /// How many requests a worker runs at once.
  static let threadsVariable = "PICO_AUTH_THREADS"

  /// Names the file with the keys that all workers of a supervisor have.
  static let keysVariable = "PICO_AUTH_KEYS"
  /// How many requests a worker serves before it ends; 0 for any number.
  static let requestLimitVariable = "PICO_AUTH_MAX_REQUESTS"
  /// How long a worker may be without a heartbeat. Seconds; not set for ever.
  static let timeoutVariable = "PICO_AUTH_WORKER_TIMEOUT"

  /// How often a worker tells its supervisor that it is alive: some times within its timeout. Seconds.
  static func heartbeatInterval(_ environment: [String: String]) -> Double {
    (environment[timeoutVariable].flatMap { Double($0) } ?? 3600) / 4
  }

  static let defaultConfig = "/etc/pico-auth/config.yaml"

  /// Standard error, as it was when the process started: before it became another user's, perhaps.
  static let logOutput = LogOutput()

  static func makeLogger() -> Logger {
    LoggingSystem.bootstrap { LineLogHandler(label: $0, output: logOutput) }
    return Logger(label: "pico-auth")
  }

  /// The configuration file: the one given, else the one the environment names, else the default one
  /// where it exists.
  static func configFile(_ given: String?) -> String? {
    if let file = given ?? ProcessEnvironment.variables[configVariable] { return file }
    // One that can't be looked at is named, so that nobody runs on defaults without knowing.
    return access(defaultConfig, F_OK) == 0 || errno != ENOENT ? defaultConfig : nil
  }

  /// - Throws: ``ConfigurationError``; ``StoreError`` where other users could change what is read.
  static func configuration(_ given: String? = nil) throws -> Configuration {
    let file = configFile(given)
    let configuration = try Configuration(file: file, environment: ProcessEnvironment.variables)
    try configuration.checkSources(file: file)
    return configuration
  }

  static func keyFiles(_ settings: Settings, isDeferred: Bool = false) -> KeyFiles {
    KeyFiles(
      path: settings.effectiveKeyPath,
      passphrase: settings.keyPassphrase.isEmpty ? nil : settings.keyPassphrase, isDeferred: isDeferred)
  }

  /// The stores that the settings name.
  /// - Throws: ``StoreError`` where other users could exchange their files.
  static func stores(_ settings: Settings, logger: Logger) throws -> StoreSet {
    try settings.checkFolders()
    return StoreBackend.open(settings, clock: clock, logger: logger)
  }

  /// The stores for a command that works on them beside the workers.
  /// - Parameter isWriting: whether the state folder is made where there is none.
  static func commandStores(_ config: ConfigOptions, isWriting: Bool = false) throws -> StoreSet {
    let settings = try configuration(config.file).settings
    if isWriting { try RootsFolder.prepare(settings) }
    return try stores(settings, logger: makeLogger())
  }

  /// The gate of a server over the keys and stores that there are; makes none.
  static func gate(_ config: ConfigOptions) throws -> AccessGate {
    let settings = try configuration(config.file).settings
    let logger = makeLogger()
    let keys = try keyFiles(settings).ring()
    return AuthService(
      settings: settings, keys: keys, stores: try stores(settings, logger: logger), logger: logger
    ).gate
  }

  /// The server over its stores. Makes the first signing key where there is none.
  /// - Parameter isLasting: whether the process answers more than one request.
  /// - Throws: ``ConfigurationError``, ``KeyError``, ``StoreError``.
  static func server(isLasting: Bool, logger: Logger) throws -> AuthService {
    let settings = try configuration().settings
    // A script starts in its own folder, which may be one that the web server shows to everybody.
    if !isLasting, let path = settings.relativePaths.first {
      throw ConfigurationError(mistakes: ["\(path): relative path; a CGI script needs absolute paths"])
    }
    let stores = try stores(settings, logger: logger)
    if isLasting { try stores.revocations.prepare() }
    return AuthService(
      settings: settings, keys: try keys(settings, isDeferred: !isLasting), stores: stores, logger: logger)
  }

  /// The keys that the supervisor passes to its workers. Without a supervisor, those in the files.
  private static func keys(_ settings: Settings, isDeferred: Bool) throws -> KeyRing {
    guard let file = ProcessEnvironment.variables[keysVariable] else {
      return try keyFiles(settings, isDeferred: isDeferred).load()
    }
    return try KeyRing(privateDocument: try Files.read(file))
  }
}
