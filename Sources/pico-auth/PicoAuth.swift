// The module pico-auth owns the run modes (worker, CGI script, command), the command line, and the values that the
// templates of `print-config` are filled in with. It opens the configuration, the keys and the stores, and gives them
// to AuthService. It doesn't answer requests (AuthServer), speak FastCGI (FastCGI) or supervise workers
// (Supervision).

import ArgumentParser
import AuthServer
import Glibc

/// The root command. Its subcommands lie in `Commands`, a file each.
struct PicoAuth: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pico-auth",
    abstract: "Signs users in, and issues and checks tokens, behind nginx, lighttpd or Apache.",
    discussion: """
      If descriptor 0 is a listening socket, pico-auth is a FastCGI application. If the environment has \
      GATEWAY_INTERFACE, it answers one CGI request. Otherwise it runs one of these commands.
      """,
    version: Program.version,
    subcommands: [
      Serve.self, Check.self, PrintConfig.self, Keys.self, TokensCommand.self, SessionsCommand.self,
      Explain.self, Throttle.self, Store.self, HashPassword.self, Wallet.self,
    ])
}

extension PicoAuth {
  /// Runs the command that the arguments name. It replaces the parser's `main()`, which prints arguments without
  /// escaping them.
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

/// The option that names the configuration file.
struct ConfigOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "The configuration file. Without it: $PICO_AUTH_CONFIG, then /etc/pico-auth/config.yaml.",
      valueName: "file"))
  var file: String?
}

/// The option that chooses the format of a command's results.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Prints one JSON object per line.") var json = false

  /// Prints one JSON object as a line.
  func print(_ object: [UInt8]) throws {
    try Console.print(json: object)
  }
}

extension ParsableCommand {
  /// Runs a command's work. If the work throws, this method prints the error to standard error and the command exits
  /// with 1.
  /// - Throws: `ExitCode`: the work's own, or else `ExitCode.failure`.
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
