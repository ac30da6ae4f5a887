import ArgumentParser
import AuthServer
import Glibc

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
      Serve.self, Check.self, PrintConfig.self, Keys.self, TokensCommand.self, Explain.self, Store.self,
      HashPassword.self,
      Wallet.self,
    ])
}

extension PicoAuth {
  /// Runs the command that the arguments name. In place of the parser's own `main()`, which prints arguments as they are.
  static func run() -> Never {
    do {
      var command = try parseAsRoot()
      try command.run()
      Glibc.exit(ExitCode.success.rawValue)
    } catch {
      let code = exitCode(for: error)
      let message = fullMessage(for: error)
      if code.isSuccess {
        try? Console.print(document: message)
      } else if !message.isEmpty {
        Console.complain(document: message)
      }
      Glibc.exit(code.rawValue)
    }
  }
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
    try Console.print(json: object)
  }
}

extension ParsableCommand {
  /// Runs a command's work; what goes wrong is told on standard error, and the exit status is 1.
  func reporting(_ work: () throws -> Void) throws {
    do {
      try work()
    } catch let exit as ExitCode {
      throw exit
    } catch let error as ConfigurationError {
      for mistake in error.mistakes { Console.complain(mistake) }
      throw ExitCode.failure
    } catch {
      Console.complain("\(error)")
      throw ExitCode.failure
    }
  }
}
