import ArgumentParser
import AuthServer
import Sessions
import Stores
import Tokens
import Wallets
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
        "\(mint.tokenID)  \(state.padded(to: 7))  \(mint.kind.padded(to: 7))  "
          + "expires \(DateText.of(mint.expiry))  "
          + "\(Console.shortened(mint.role))  \(Console.shortened(mint.subject))")
    }
  }

  struct Revoke: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Revokes a token, a session, or all that a subject has. Permanently.",
      discussion: """
        A token's session ends with it. Exits with 3 if the mint audit doesn't know the jti: it is revoked, but it may be a \
        typing error. Pass a whole token on standard input: every user of the host can see a command line.
        """)

    @Argument(
      help: ArgumentHelp("The token's jti, the whole token, or - for standard input.", valueName: "token"))
    var token: String?
    @Option(
      help: ArgumentHelp(
        "Ends every session of a subject and revokes every token of it.", valueName: "subject"))
    var sub: String?
    @Option(help: ArgumentHelp("Ends a session and revokes its tokens.", valueName: "sid"))
    var session: String?
    @Option(help: "The reason, for the record.") var reason = ""
    @OptionGroup var output: OutputOptions
    @OptionGroup var config: ConfigOptions

    private static let actor = "command line"

    func validate() throws {
      guard [token, sub, session].compactMap({ $0 }).filter({ !$0.isEmpty }).count == 1 else {
        throw ValidationError("give exactly one of a token, --sub and --session")
      }
    }

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        try RootsFolder.prepare(settings)
        let stores = try Program.stores(settings, logger: Program.makeLogger())
        let ends = SessionEnds(
          store: stores.sessions, revocations: stores.revocations, mints: stores.mints, clock: Program.clock)
        if let sub {
          try show(
            "sub", sub,
            try ends.end(subjects: WalletSubject.meanings(of: sub), reason: reason, by: Self.actor))
        } else if let session {
          guard let outcome = try ends.end(session, reason: reason, by: Self.actor) else {
            throw CommandError("there is no session \(session)")
          }
          try show("sid", session, outcome)
        } else {
          try revoke(try Arguments.firstWord(token ?? ""), settings, ends)
        }
      }
    }

    private func revoke(_ text: String, _ settings: Settings, _ ends: SessionEnds) throws {
      let revoked: SessionEnds.RevokedToken
      if TokenVerifier.isToken(text) {
        let verifier = TokenVerifier(
          ring: try Program.keyFiles(settings).ring(), issuer: settings.issuer, audience: settings.audience,
          clock: Program.clock)
        let claims = try verifier.genuineClaims(ofAny: text)
        guard let tokenID = claims.tokenID else { throw CommandError("the token has no jti; give --sub") }
        revoked = try ends.revoke(claims, tokenID, reason: reason, by: Self.actor)
      } else {
        if let fault = RevocableText.fault(inTokenID: text) { throw CommandError("the jti \(fault)") }
        revoked = try ends.revoke(text, reason: reason, by: Self.actor)
      }
      try output.show(revoked.revocation)
      if let session = revoked.session, !output.json { try Console.print("its session \(session) has ended") }
      guard revoked.isKnown else {
        Console.complain("the mint audit doesn't know this jti; it is revoked all the same")
        throw ExitCode(3)
      }
    }

    private func show(_ name: String, _ value: String, _ outcome: SessionEnds.Outcome) throws {
      if output.json {
        var item = JSONObjectWriter()
        item.add(name, value)
        item.add("sessions", outcome.sessions)
        item.add("tokens", outcome.tokens)
        return try output.print(item.finish())
      }
      try Console.print(
        "\(Console.shortened(value)): \(outcome.sessions) sessions ended, \(outcome.tokens) tokens revoked")
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
      "\(revocation.tokenID)  at \(DateText.of(Int(exactly: revocation.revokedAt.rounded(.down)) ?? 0))  "
        + "by \(Console.shortened(revocation.revokedBy))  \(Console.shortened(revocation.reason))")
  }
}
