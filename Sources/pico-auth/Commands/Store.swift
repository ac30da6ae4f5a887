import ArgumentParser
import AuthServer
import Logging
import POSIX
import Stores
import Wire

struct Store: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks, repairs and compacts the shared files, while workers run.",
    subcommands: [Status.self, Verify.self, Compact.self])

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the size of each shared file and its number of records.")

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
            item.add("harmless", file.harmless.count)
            try output.print(item.finish())
          } else {
            let bad = file.bad.count == 0 ? "" : ", \(file.bad.count) BAD"
            try Console.print("\(file.path): \(file.records) \(file.kind), \(file.size) bytes\(bad)")
          }
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists every bad record. With --repair, repairs the files.",
      discussion: """
        Exits with 0 if all records are good, or were repaired without a loss; with 1 if there are bad records, also \
        after a repair, or the command fails; with 3 if a repair drops a record, or keeps one that may be wrong. A damaged challenge is a note \
        only, because no sign-in accepts it. If the repair can't tell whose sessions were ended, it ends all sessions, \
        and refuses the tokens of everybody that were issued until then.
        """)

    @Flag(
      help: ArgumentHelp(
        "Rewrites damaged files of revocations, mints and sessions with all records that can be read.",
        discussion: "The rest goes to <file>.bad-<time>."))
    var repair = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let logger = Program.makeLogger()
        var isGood = true
        var isComplete = true
        var isRepaired = false
        for file in try Store.files(config) {
          try show(file.harmless, of: file, note: "note: ")
          try show(file.bad, of: file)
          guard repair, let outcome = try file.repair(clock: Program.clock, logger: logger) else {
            isGood = isGood && file.bad.count == 0
            continue
          }
          try show(outcome, of: file)
          isComplete = isComplete && outcome.isComplete
          isRepaired = true
        }
        // What other damage kept a repair from finding, or what came meanwhile.
        for file in isRepaired ? try Store.files(config) : [] {
          try show(file.bad, of: file)
          isGood = isGood && file.bad.count == 0
        }
        guard isGood else { throw ExitCode.failure }
        guard isComplete else { throw ExitCode(3) }
      }
    }

    private func show(_ outcome: StoreRepair.Outcome, of file: StoreFile) throws {
      try show(outcome.doubtful, of: file)
      try show(outcome.dropped, of: file)
      if output.json {
        var item = JSONObjectWriter()
        item.add("path", file.path)
        item.add("recovered", outcome.recovered)
        item.add("doubtful", outcome.doubtful.count)
        item.add("dropped", outcome.dropped.count)
        return try output.print(item.finish())
      }
      try Console.print(
        "\(file.path): repaired; of damaged lines \(outcome.recovered) records were found whole, "
          + "\(outcome.doubtful.count) kept as they can be read, \(outcome.dropped.count) dropped")
    }

    private func show(_ records: StoreFile.BadRecords, of file: StoreFile, note: String = "") throws {
      for record in records.first { try show(record, of: file, note: note) }
      let more = records.count - records.first.count
      if more > 0 && !output.json { try Console.print("\(note)\(file.path): \(more) more") }
    }

    private func show(_ record: StoreFile.BadRecord, of file: StoreFile, note: String) throws {
      if output.json {
        var item = JSONObjectWriter()
        item.add("path", file.path)
        item.add("line", record.line)
        item.add("offset", record.offset)
        item.add("reason", record.reason)
        if !note.isEmpty { item.add("harmless", true) }
        return try output.print(item.finish())
      }
      try Console.print("\(note)\(file.path):\(record.line): \(record.reason) (offset \(record.offset))")
    }
  }

  struct Compact: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Drops revocations of tokens that have expired, and old mints.",
      discussion: """
        Drops a revocation if its token expired more than a minute ago. The expiry is in the revocation's record or in \
        the mint audit. If it is in neither, the revocation is dropped after 100 years. If the clock is more than 30 \
        days ahead of the newest record, the command fails and removes nothing: with a wrong clock, revoked tokens \
        would become valid again.
        """)

    @Flag(help: "Trusts the clock even if no record is recent. Use it if the installation was idle.")
    var force = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        try RootsFolder.prepare(settings)
        try settings.checkFolders()
        let logger = Program.makeLogger()
        let revocations = JSONLRevocationStore(
          path: settings.effectiveRevocationPath, clock: Program.clock, logger: logger)
        let mints = JSONLMintAuditStore(
          path: settings.effectiveMintAuditPath, retentionDays: settings.mintAuditRetentionDays,
          clock: Program.clock, logger: logger)
        Thread.giveWay()
        let counts = try revocations.compact(mints: mints, force: force)
        let removed = try mints.removeOld(force: force)
        let indexed = try mints.updateIndexes()
        if output.json {
          var item = JSONObjectWriter()
          item.add("revocations_kept", counts.kept)
          item.add("revocations_dropped", counts.dropped)
          item.add("mint_files_removed", removed)
          item.add("mint_files_indexed", indexed)
          return try output.print(item.finish())
        }
        try Console.print("revocations: \(counts.kept) kept, \(counts.dropped) dropped")
        try Console.print("mints: \(removed) old files removed, \(indexed) indexed")
      }
    }
  }

  fileprivate static func files(_ config: ConfigOptions) throws -> [StoreFile] {
    let settings = try Program.configuration(config.file).settings
    try settings.checkFolders()
    return try StoreFile.all(.challenges, path: settings.effectiveChallengePath)
      + StoreFile.all(.revocations, path: settings.effectiveRevocationPath)
      + StoreFile.all(.mints, path: settings.effectiveMintAuditPath)
      + StoreFile.all(.sessions, path: settings.effectiveSessionPath)
  }
}
