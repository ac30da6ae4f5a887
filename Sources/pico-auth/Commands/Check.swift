import ArgumentParser
import AuthServer
import Glibc
import POSIX
import Stores
import Tokens

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the effective configuration and where each value came from.",
    discussion: """
      Exits with 1 if the configuration or a key can't be used, or if the user lacks rights to a file. Changes nothing.

      Settings, as SERVER_AUTH_<NAME> in the environment, or below server_auth in the file:
      \(settings)
      """)

  private static var settings: String {
    SettingDeclarations.all.map { "\($0.variable)\n    \($0.summary.replacing("`", with: ""))" }
      .joined(separator: "\n")
  }

  @Option(
    help: ArgumentHelp(
      "Checks the rights of this user, such as the service's or the web server's. Needs root.",
      valueName: "name"))
  var user: String?

  @OptionGroup var config: ConfigOptions

  func run() throws {
    try reporting {
      let account = try user.map { try Account(named: $0) }
      if let account, geteuid() != 0, geteuid() != account.user {
        throw CommandError("--user needs root; this is \(Account.name(of: geteuid()))")
      }
      let file = Program.configFile(config.file)
      let configuration = try Program.configuration(config.file)
      try show(configuration)
      try Self.tellFreeSpace(SpaceReserve(configuration.settings))
      for warning in configuration.warnings + configuration.exposedSecrets(file: file) {
        Console.complain("warning: \(warning)")
      }
      if let account, geteuid() == 0 {
        try account.assume()
      } else if geteuid() == 0 {
        Console.complain(
          "warning: root can read everything; use --user NAME to check as the service's user")
      }
      let sources = [file].compactMap { $0 } + configuration.secretFiles
      let faults = try AccessReview(configuration.settings, sources: sources).faults
      for fault in faults { Console.complain(fault) }
      guard faults.isEmpty else { throw ExitCode.failure }
      _ = try Program.keyFiles(configuration.settings).existing()
    }
  }

  private static func tellFreeSpace(_ reserve: SpaceReserve) throws {
    guard let free = reserve.freeBytes else { return }
    try Console.print("\(free) bytes are free for revocations and other records")
    guard free < reserve.size else { return }
    Console.complain(
      "warning: challenges and tokens are refused until \(reserve.size) bytes are free (state_reserve_bytes)")
  }

  private func show(_ configuration: Configuration) throws {
    let width = SettingDeclarations.all.map(\.name.count).max() ?? 0
    for setting in SettingDeclarations.all {
      let name = setting.name.padded(to: width)
      let origin = configuration.origin(of: setting.name)
      try Console.print("\(name) = \(setting.display(configuration.settings))  (\(origin))")
    }
  }
}
