import ArgumentParser
import AuthServer
import Sessions
import Stores
import Wallets
import Wire

struct SessionsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sessions",
    abstract: "Lists and ends sessions, while workers run.",
    subcommands: [List.self, End.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists sessions, newest first.")

    @Option(help: "Lists at most this many sessions.") var limit = 50
    @Flag(help: "Lists only sessions that are neither ended nor over.") var active = false
    @Option(help: ArgumentHelp("Lists only sessions of this subject.", valueName: "subject")) var sub: String?
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func validate() throws {
      guard limit > 0 else { throw ValidationError("--limit takes a number above 0") }
    }

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        let stores = try Program.stores(settings, logger: Program.makeLogger())
        let sessions = settings.liveSessions(stores, clock: Program.clock)
        var query = SessionQuery(limit: limit)
        query.subject = sub.map(WalletSubject.canonical)
        query.liveness = active ? sessions.liveness : nil
        while query.limit > 0 {
          // The command may run with other settings than the service, so it ends no session by them.
          let page = try stores.sessions.list(query)
          for session in page.sessions { try show(session, expiry: sessions.expiry(of: session)) }
          query.limit -= page.sessions.count
          guard let cursor = page.cursor else { return }
          query.before = cursor
        }
      }
    }

    private func show(_ session: Session, expiry: Int) throws {
      if output.json { return try output.print(session.members(expiry: expiry).finish()) }
      let state =
        session.end.map { "ended \(DateText.of(Int($0.at))) (\(Console.shortened($0.reason)))" }
        ?? (expiry > Program.clock.seconds ? "until \(DateText.of(expiry))" : "over \(DateText.of(expiry))")
      try Console.print(
        "\(session.id)  \(DateText.of(Int(session.createdAt)))  \(state)  \(session.start.method)  "
          + "\(session.start.address)  \(Console.shortened(session.start.role))  "
          + "\(Console.shortened(session.start.subject))")
    }
  }

  struct End: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Ends a session and revokes its tokens. Permanently.")

    @Argument(help: "The session's identifier, `sid`.") var sid: String
    @Option(help: "The reason, for the record.") var reason = ""
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    func run() throws {
      var command = TokensCommand.Revoke()
      command.token = nil
      command.sub = nil
      command.session = sid
      command.reason = reason
      command.output = output
      command.config = config
      try command.run()
    }
  }
}
