import ArgumentParser
import AuthServer
import POSIX
import Stores
import Wire

struct Throttle: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists and forgets failed attempts to guess a password or a secret, while workers run.",
    subcommands: [List.self, Clear.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the accounts and addresses with failed attempts, those with the most first.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let entries = try Program.commandStores(config).throttles.list()
        for entry in entries.sorted(by: { $0.failures > $1.failures }) { try show(entry) }
      }
    }

    private func show(_ entry: ThrottleEntry) throws {
      let failures = Int(entry.failures.rounded(.up))
      let wait = Int(entry.wait.rounded(.up))
      if output.json {
        var item = JSONObjectWriter()
        item.add("kind", entry.subject.kind.rawValue)
        item.add("name", entry.subject.name)
        item.add("failures", failures)
        item.add("last_failure", Int(entry.lastFailure))
        item.add("wait", wait)
        return try output.print(item.finish())
      }
      try Console.print(
        "\(entry.subject.kind.rawValue.padded(to: 7))  \(failures) failed, last \(DateText.of(Int(entry.lastFailure))), "
          + "\(wait == 0 ? "no delay" : "\(wait) s to wait")  \(entry.subject.name)")
    }
  }

  struct Clear: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Forgets the failed attempts of an account or an address, so that the next attempt isn't delayed.")

    @Argument(
      help: ArgumentHelp(
        "An email, an address, or a range as throttle list prints it.", valueName: "account-or-address"))
    var name: String?
    @Flag(help: "Forgets all failed attempts.") var all = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func validate() throws {
      guard all != (name != nil) else {
        throw ValidationError("name an account or an address, or give --all")
      }
    }

    func run() throws {
      try reporting {
        let throttles = try Program.commandStores(config, isWriting: true).throttles
        let cleared = try name.map { try throttles.clear(Self.subjects($0)) } ?? throttles.clearAll()
        if output.json {
          var item = JSONObjectWriter()
          item.add("cleared", cleared)
          return try output.print(item.finish())
        }
        try Console.print("\(cleared) cleared")
      }
    }

    private static func subjects(_ name: String) -> [ThrottleSubject] {
      if let address = NetworkAddress(name) { return GuessLimits.subjects(address: address) }
      if let range = AddressRange(name) { return GuessLimits.subjects(range: range) }
      return [GuessLimits.subject(account: name)]
    }
  }
}
