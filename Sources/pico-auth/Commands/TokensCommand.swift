import ArgumentParser
import AuthServer
import Stores
import Tokens
import Wire

struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Lists and revokes tokens, while workers run.",
    subcommands: [List.self, Revoke.self, Revoked.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the tokens issued, newest first.")

    @Option(help: "Lists at most this many tokens.") var limit = 50
    @Flag(help: "Lists only tokens that are neither expired nor revoked.") var active = false
    @Option(help: "Lists only tokens of this subject.") var sub: String?
    @Option(help: "Lists only tokens with this role.") var role: String?
    @Option(help: ArgumentHelp("Lists only tokens of this fleet session.", valueName: "id"))
    var session: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func validate() throws {
      guard limit > 0 else { throw ValidationError("--limit takes a number above 0") }
    }

    func run() throws {
      try reporting {
        let stores = try Program.commandStores(config)
        var query = MintQuery(limit: limit)
        query.subject = sub
        query.role = role
        query.sessionID = session
        if active { query.expiringAfter = Program.clock.seconds }
        var rest = limit
        while rest > 0 {
          let page = try stores.mints.list(query)
          for mint in page.mints where rest > 0 {
            let isRevoked = try stores.revocations.isRevoked(mint.tokenID)
            if active && isRevoked { continue }
            try show(mint, isRevoked: isRevoked)
            rest -= 1
          }
          guard let cursor = page.cursor else { return }
          query.before = cursor
        }
      }
    }

    private func show(_ mint: Mint, isRevoked: Bool) throws {
      if output.json {
        var item = mint.members
        item.add("revoked", isRevoked)
        return try output.print(item.finish())
      }
      let isExpired = mint.expiry <= Program.clock.seconds
      let state = isRevoked ? "revoked" : isExpired ? "expired" : "good"
      try Console.print(
        "\(mint.tokenID)  \(state.padded(to: 7))  \(mint.kind.padded(to: 7))  exp \(mint.expiry)  "
          + "\(Console.shortened(mint.role))  \(Console.shortened(mint.subject))")
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Revokes a token by its jti, permanently.")

    @Argument(help: "The token's jti.") var jti: String
    @Option(help: "The reason, for the record.") var reason = ""
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func validate() throws {
      guard !jti.isEmpty else { throw ValidationError("jti must not be empty") }
    }

    func run() throws {
      try reporting {
        let stores = try Program.commandStores(config, isWriting: true)
        let expiry = (try? stores.mints.mint(ofTokenID: jti))?.knownExpiry
        let revocation = try stores.revocations.revoke(
          jti, reason: reason, by: "command line", expiry: expiry)
        try output.show(revocation)
      }
    }
  }

  struct Revoked: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists revoked tokens, newest first.")

    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let reader = try Program.commandStores(config).revocations.list(since: nil).makeReader()
        while let revocation = try reader.next() { try output.show(revocation) }
      }
    }
  }
}

extension OutputOptions {
  fileprivate func show(_ revocation: Revocation) throws {
    if json { return try print(revocation.json) }
    try Console.print(
      "\(revocation.tokenID)  at \(Int(exactly: revocation.revokedAt.rounded(.down)) ?? 0)  "
        + "by \(Console.shortened(revocation.revokedBy))  \(Console.shortened(revocation.reason))")
  }
}
