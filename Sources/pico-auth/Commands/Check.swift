import ArgumentParser
import AuthServer
import Stores
import Tokens

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the effective configuration and where each value came from.",
    discussion: "Exits with 1 where the configuration or a key can't be used. Changes nothing.")

  @OptionGroup var config: ConfigOptions

  func run() throws {
    try reporting {
      let configuration = try Program.configuration(config.file)
      let width = SettingKey.all.map(\.name.count).max()!
      for key in SettingKey.all {
        let name = key.name.padded(to: width)
        let origin = configuration.origin(of: key.name)
        try Console.print("\(name) = \(configuration.display(key))  (\(origin))")
      }
      try Self.tellFreeSpace(SpaceReserve(configuration.settings))
      for warning in configuration.warnings { Console.complain("warning: \(warning)") }
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
}
