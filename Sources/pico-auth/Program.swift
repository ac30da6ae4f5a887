import AuthServer
import Gate
import Glibc
import Logging
import Observation
import POSIX
import Tokens

/// The steps that all run modes share: they find the configuration, create the logger, and build the service.
enum Program {
  static let clock = Clock.system
  static let version = "0.1.0"

  /// The variable with the path of the configuration file, for processes that get no arguments: workers and CGI
  /// scripts.
  static let configVariable = "PICO_AUTH_CONFIG"
  /// The variable with the number of threads of a worker.
  static let threadsVariable = "PICO_AUTH_THREADS"

  /// The variable with the path of the file with the signing keys. A supervisor sets it, so that all its workers have
  /// the same keys.
  static let keysVariable = "PICO_AUTH_KEYS"
  /// The variable with the number of requests after which a worker ends; 0 for no limit.
  static let requestLimitVariable = "PICO_AUTH_MAX_REQUESTS"
  /// The variable with the longest time that a worker may send no heartbeat, in seconds. If it isn't set, there is no
  /// limit.
  static let timeoutVariable = "PICO_AUTH_WORKER_TIMEOUT"

  /// The time between two heartbeats of a worker: a quarter of its timeout; 15 minutes without a timeout. Seconds.
  static func heartbeatInterval(_ environment: [String: String]) -> Double {
    (environment[timeoutVariable].flatMap { Double($0) } ?? 3600) / 4
  }

  /// The path of the configuration file that is read if none is named.
  static let defaultConfig = "/etc/pico-auth/config.yaml"

  /// The log on standard error. ``makeLogger()`` opens it before the process changes its user, who may lack the
  /// rights to open it.
  static let logOutput = LogOutput()

  /// Creates the logger. A process calls this once, because swift-log can be bootstrapped only once.
  static func makeLogger() -> Logger {
    LoggingSystem.bootstrap { LineLogHandler(label: $0, output: logOutput) }
    return Logger(label: "pico-auth")
  }

  /// The path of the configuration file: the given one, or else the one that the environment names, or else the
  /// default one if it exists.
  static func configFile(_ given: String?) -> String? {
    if let file = given ?? ProcessEnvironment.variables[configVariable] { return file }
    // If the user lacks rights to the default file, it is named all the same, so that reading it fails. Otherwise the
    // program would silently run with defaults.
    return access(defaultConfig, F_OK) == 0 || errno != ENOENT ? defaultConfig : nil
  }

  /// Reads the configuration.
  /// - Parameter given: the path from the command line.
  /// - Throws: ``ConfigurationError``; ``StoreError`` if other users can change or replace a file that is read.
  static func configuration(_ given: String? = nil) throws -> Configuration {
    let file = configFile(given)
    let configuration = try Configuration(file: file, environment: ProcessEnvironment.variables)
    try configuration.checkSources(file: file)
    return configuration
  }

  /// The signing keys' files.
  /// - Parameter isDeferred: whether a private key is parsed only when it signs, for a process that answers one
  ///   request.
  static func keyFiles(_ settings: Settings, isDeferred: Bool = false) -> KeyFiles {
    KeyFiles(
      path: settings.effectiveKeyPath,
      passphrase: settings.keyPassphrase.isEmpty ? nil : settings.keyPassphrase, isDeferred: isDeferred)
  }

  /// Opens the stores that the settings name.
  /// - Throws: ``StoreError`` if other users can replace their files.
  static func stores(_ settings: Settings, logger: Logger) throws -> StoreSet {
    try settings.checkFolders()
    return StoreBackend.open(settings, clock: clock, logger: logger)
  }

  /// Opens the stores for a command that runs beside the workers.
  /// - Parameter isWriting: whether missing state folders are created, if the user is root.
  /// - Throws: ``ConfigurationError``, ``StoreError``; ``SystemError`` if a folder can't be created.
  static func commandStores(_ config: ConfigOptions, isWriting: Bool = false) throws -> StoreSet {
    let settings = try configuration(config.file).settings
    if isWriting { try RootsFolder.prepare(settings) }
    return try stores(settings, logger: makeLogger())
  }

  /// Builds a service and returns its gate. It creates no key.
  /// - Throws: ``ConfigurationError``, ``KeyError``, ``StoreError``.
  static func gate(_ config: ConfigOptions) throws -> AccessGate {
    let settings = try configuration(config.file).settings
    let logger = makeLogger()
    let keys = try keyFiles(settings).ring()
    return AuthService(
      settings: settings, keys: keys, stores: try stores(settings, logger: logger), logger: logger
    ).gate
  }

  /// Builds the service. It creates the first signing key if there is none.
  /// - Parameter isLasting: whether the process answers more than one request.
  /// - Throws: ``ConfigurationError``, ``KeyError``, ``StoreError``.
  static func server(_ settings: Settings, isLasting: Bool, logger: Logger) throws -> AuthService {
    // A web server starts a CGI script in the script's folder, which it may publish. A relative path would put keys
    // there.
    if !isLasting, let path = settings.relativePaths.first {
      throw ConfigurationError(mistakes: ["\(path): relative path; a CGI script needs absolute paths"])
    }
    let stores = try stores(settings, logger: logger)
    if isLasting {
      try stores.revocations.prepare()
      try stores.sessions.prepare()
    }
    let keys = try keys(settings, isDeferred: !isLasting)
    OperatorChange(settings: settings, stores: stores, clock: clock, logger: logger).apply()
    return AuthService(settings: settings, keys: keys, stores: stores, logger: logger)
  }

  /// The keys that the supervisor passes to its workers. Without a supervisor, those in the files.
  private static func keys(_ settings: Settings, isDeferred: Bool) throws -> KeyRing {
    guard let file = ProcessEnvironment.variables[keysVariable] else {
      return try keyFiles(settings, isDeferred: isDeferred).load()
    }
    return try KeyRing(privateDocument: try Files.read(file))
  }
}
