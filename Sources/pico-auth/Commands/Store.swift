import ArgumentParser
import AuthServer
import Logging
import POSIX
import Stores
import Wire

struct Store: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Looks after the shared files, while workers run.",
    subcommands: [Status.self, Verify.self, Compact.self])

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tells what the shared files hold.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        for file in try Store.files(config) {
          if output.json {
            var item = JSONObjectWriter()
            item.add("kind", file.kind.rawValue)
            item.add("path", file.path)
            item.add("bytes", file.size)
            item.add("records", file.records)
            item.add("bad", file.bad.count)
            try output.print(item.finish())
          } else {
            let bad = file.bad.isEmpty ? "" : ", \(file.bad.count) BAD"
            try Console.print("\(file.path): \(file.records) \(file.kind), \(file.size) bytes\(bad)")
          }
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Names every bad record; exits with 1 where there is one.")

    @Flag(help: "Takes bad revocations and mints out of their file, into <file>.bad-<time>.")
    var repair = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        var isGood = true
        for file in try Store.files(config) {
          for record in file.bad { try show(record, of: file) }
          let taken = repair ? try file.repair(clock: Program.clock) : 0
          if taken > 0 { try Console.print("\(file.path): \(taken) bad records taken out") }
          isGood = isGood && file.bad.count == taken
        }
        guard isGood else { throw ExitCode.failure }
      }
    }

    private func show(_ record: StoreFile.BadRecord, of file: StoreFile) throws {
      if output.json {
        var item = JSONObjectWriter()
        item.add("path", file.path)
        item.add("line", record.line)
        item.add("reason", record.reason)
        return try output.print(item.finish())
      }
      try Console.print("\(file.path):\(record.line): \(record.reason)")
    }
  }

  struct Compact: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Drops revocations of tokens that have expired, and old mints.",
      discussion: """
        A revocation is dropped once its token has expired by more than a minute, as the mint audit tells; \
        or, where that knows nothing of the token, once the longest lifetime that the settings allow has \
        passed.
        """)

    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        let logger = Program.makeLogger()
        let revocations = JSONLRevocationStore(
          path: settings.effectiveRevocationPath, clock: Program.clock, logger: logger)
        let mints = JSONLMintAuditStore(
          path: settings.effectiveMintAuditPath, retentionDays: settings.mintAuditRetentionDays,
          clock: Program.clock, logger: logger)
        let expiries = try RevokedExpiries(revocations: revocations, mints: mints, settings: settings)
        let now = Program.clock.now
        let counts = try revocations.compact { expiries.expiry(of: $0) + RevokedExpiries.margin > now }
        let removed = try mints.removeOld()
        if output.json {
          var item = JSONObjectWriter()
          item.add("revocations_kept", counts.kept)
          item.add("revocations_dropped", counts.dropped)
          item.add("mint_files_removed", removed)
          return try output.print(item.finish())
        }
        try Console.print("revocations: \(counts.kept) kept, \(counts.dropped) dropped")
        try Console.print("mints: \(removed) old files removed")
      }
    }
  }

  fileprivate static func files(_ config: ConfigOptions) throws -> [StoreFile] {
    let settings = try Program.configuration(config.file).settings
    return try StoreFile.all(.challenges, path: settings.effectiveChallengePath)
      + StoreFile.all(.revocations, path: settings.effectiveRevocationPath)
      + StoreFile.all(.mints, path: settings.effectiveMintAuditPath)
  }
}
