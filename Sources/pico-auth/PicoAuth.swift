import ArgumentParser

/// The command line.
struct PicoAuth: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pico-auth",
    abstract: "Sign-in, tokens and their keys, behind nginx, lighttpd or Apache.",
    discussion: """
      Started by a web server with a listening socket as descriptor 0 it is a FastCGI application; with \
      GATEWAY_INTERFACE in the environment it answers one CGI request. Otherwise these commands are there.
      """,
    version: Program.version,
    subcommands: [
      Serve.self, Check.self, PrintConfig.self, Keys.self, Tokens.self, Explain.self, Store.self,
      HashPassword.self,
      Wallet.self,
    ])
}

/// Which configuration file a command works with.
struct ConfigOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "The configuration file. Without it: $PICO_AUTH_CONFIG, then /etc/pico-auth/config.yaml.",
      valueName: "file"))
  var file: String?
}

/// How a command prints what it found.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Prints one JSON object a line.") var json = false

  func print(_ object: [UInt8]) throws {
    try Console.print(String(decoding: object, as: UTF8.self))
  }
}

extension ParsableCommand {
  /// Runs a command's work; what goes wrong is told on standard error, and the exit status is 1.
  func reporting(_ work: () throws -> Void) throws {
    do {
      try work()
    } catch let exit as ExitCode {
      throw exit
    } catch {
      Console.complain("\(error)")
      throw ExitCode.failure
    }
  }
}
