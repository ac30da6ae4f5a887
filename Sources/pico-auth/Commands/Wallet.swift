import ArgumentParser
import POSIX
import Wallets
import Wire

struct Wallet: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Creates wallet keys and signs challenges with them, so that you can try a sign-in.",
    subcommands: [New.self, Address.self, Sign.self, Algorithms.self])

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Creates a key file (mode 0600), and prints its address and public key.")

    @Option(help: "One of \(Wallet.algorithms).")
    var algorithm = WalletSchemes.whenLeftOut.name

    @Argument(help: "The key file to create.") var file: String

    func validate() throws {
      _ = try scheme
    }

    private var scheme: any WalletScheme {
      get throws {
        guard let scheme = WalletSchemes.named(algorithm) else {
          throw ValidationError("--algorithm takes one of \(Wallet.algorithms)")
        }
        return scheme
      }
    }

    func run() throws {
      try reporting {
        let key = try WalletKey(scheme)
        guard try Files.createWhole(file, WalletFile.bytes(key)) else {
          throw CommandError("\(file) exists already")
        }
        try describe(key)
      }
    }
  }

  struct Address: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints a key file's address and public key.")

    @Argument(help: "A key file made by wallet new.") var file: String

    func run() throws {
      try reporting { try describe(try WalletFile.read(file)) }
    }
  }

  struct Sign: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Signs a challenge and prints the body for POST /sign-in.")

    @Argument(help: "A key file made by wallet new.") var file: String

    @Argument(
      help: """
        The challenge, or - for standard input: the challenge alone, or the answer of POST /challenge. EIP-4361 and \
        SIWS sign the answer's message.
        """)
    var challenge: String

    func run() throws {
      try reporting {
        let key = try WalletFile.read(file)
        let answer = try challenge == "-" ? Self.readAnswer() : Self.members(challenge)
        guard Hex.decode(try answer.text("challenge"))?.count == 32 else {
          throw CommandError("a challenge is 64 hex digits")
        }
        if key.scheme.signsMessages, try answer.text("message").isEmpty {
          throw CommandError(
            "the challenge has no message; request it with \"algorithm\":\"\(key.scheme.name)\", and pass the whole answer"
          )
        }
        if key.scheme.signsMessages, case let message = try answer.text("message"),
          try !message.contains(key.address) || !message.contains(answer.text("challenge"))
        {
          throw CommandError("the message isn't for this key's address and this challenge")
        }
        var body = JSONObjectWriter()
        for (name, value) in try key.signIn(answering: answer) { body.add(name, value) }
        try Console.print(json: body.finish())
      }
    }

    private static func readAnswer() throws -> WalletMembers {
      let text = try Arguments.standardInput()
      guard text.hasPrefix("{") else { return members(text) }
      let answer = try JSONObject(parsing: Array(text.utf8))
      return WalletMembers { answer[$0]?.string ?? "" }
    }

    /// Members as in the answer of `POST /challenge`, with only the challenge.
    private static func members(_ challenge: String) -> WalletMembers {
      WalletMembers { $0 == "challenge" ? challenge : "" }
    }
  }

  struct Algorithms: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints the wallet algorithms, one on each line.")

    func run() throws {
      try reporting { for scheme in WalletSchemes.all { try Console.print(scheme.name) } }
    }
  }

  private static let algorithms = WalletSchemes.all.map(\.name).joined(separator: ", ")

  private static func describe(_ key: WalletKey) throws {
    try Console.print("algorithm  \(key.scheme.name)")
    try Console.print("address    \(key.address)")
    try Console.print("public_key \(Hex.encode(key.publicKey))")
  }
}

/// The file format of a wallet key: one JSON object with algorithm, address and seed (hex).
enum WalletFile {
  static func bytes(_ key: WalletKey) -> [UInt8] {
    var document = JSONObjectWriter()
    document.add("algorithm", key.scheme.name)
    document.add("address", key.address)
    document.add("seed", Hex.encode(key.seed))
    return document.finish() + [UInt8(ascii: "\n")]
  }

  /// Reads a key file.
  /// - Throws: ``CommandError`` if it can't be read or holds no key.
  static func read(_ file: String) throws -> WalletKey {
    let document = try? JSONObject(parsing: try Files.read(file))
    guard let document, let seed = document["seed"]?.string.flatMap(Hex.decode),
      let scheme = document["algorithm"]?.string.flatMap(WalletSchemes.named),
      let key = try? WalletKey(scheme, seed: seed)
    else { throw CommandError("\(file) is no wallet key file") }
    return key
  }
}
