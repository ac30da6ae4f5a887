import AuthServer
import Glibc
import Logging
import POSIX
import Tokens

/// What all ways to start have in common: finding the configuration, logging, putting the server together.
enum Program {
  static let version = "0.1.0"

  /// Names the configuration file for processes that nobody gives arguments: workers and CGI scripts.
  static let configVariable = "PICO_AUTH_CONFIG"
  /// How many requests a worker runs at once.
  static let threadsVariable = "PICO_AUTH_THREADS"

  private static let defaultConfig = "/etc/pico-auth/config.yaml"

  static func makeLogger() -> Logger {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    return Logger(label: "pico-auth")
  }

  /// The configuration file: the one given, else the one the environment names, else the default one
  /// where it exists.
  static func configFile(_ given: String?) -> String? {
    if let file = given ?? ProcessEnvironment.variables[configVariable] { return file }
    return access(defaultConfig, F_OK) == 0 ? defaultConfig : nil
  }

  /// - Throws: ``ConfigurationError``.
  static func configuration(_ given: String? = nil) throws -> Configuration {
    try Configuration(file: configFile(given), environment: ProcessEnvironment.variables)
  }

  static func keyFiles(_ settings: Settings) -> KeyFiles {
    KeyFiles(
      path: settings.effectiveKeyPath,
      passphrase: settings.keyPassphrase.isEmpty ? nil : settings.keyPassphrase)
  }

  /// The server over the shared files. Makes the first signing key where there is none.
  /// - Throws: ``ConfigurationError``, ``KeyError``.
  static func server(logger: Logger) throws -> AuthServer {
    let settings = try configuration().settings
    return AuthServer(
      settings: settings, keys: try keyFiles(settings).load(),
      stores: .files(settings, clock: .system, logger: logger), logger: logger)
  }
}
