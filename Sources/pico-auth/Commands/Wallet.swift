import ArgumentParser
import POSIX
import Wallets
import Wire

struct Wallet: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes wallet keys and signs challenges with them, to try a sign-in by hand.",
    subcommands: [New.self, Address.self, Sign.self])

  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Makes a key file (mode 0600) and prints its address and public key.")

    @Option(help: "ML-DSA-65, Ed25519 or secp256k1.")
    var algorithm = "ML-DSA-65"

    @Argument(help: "The key file to make.") var file: String

    func validate() throws {
      guard WalletAlgorithm(rawValue: algorithm) != nil else {
        throw ValidationError("--algorithm takes ML-DSA-65, Ed25519 or secp256k1")
      }
    }

    func run() throws {
      try reporting {
        let key = try WalletKey(algorithm: WalletAlgorithm(rawValue: algorithm)!)
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
        The challenge; or - to read it from standard input, alone or in the answer of POST /challenge.
        """)
    var challenge: String

    func run() throws {
      try reporting {
        let key = try WalletFile.read(file)
        let challenge = try challenge == "-" ? Self.readChallenge() : challenge
        guard Hex.decode(challenge)?.count == 32 else {
          throw CommandError("a challenge is 64 hex digits")
        }
        let signature = try key.sign(Array(challenge.utf8))
        var body = JSONObjectWriter()
        body.add("address", key.address)
        body.add("public_key", Hex.encode(key.publicKey))
        body.add("signature", Hex.encode(signature))
        body.add("challenge", challenge)
        body.add("algorithm", key.algorithm.rawValue)
        try Console.print(json: body.finish())
      }
    }

    private static func readChallenge() throws -> String {
      let text = readLine() ?? ""
      guard text.hasPrefix("{") else { return text }
      return try JSONObject(parsing: Array(text.utf8))["challenge"]?.string ?? ""
    }
  }

  private static func describe(_ key: WalletKey) throws {
    try Console.print("algorithm  \(key.algorithm.rawValue)")
    try Console.print("address    \(key.address)")
    try Console.print("public_key \(Hex.encode(key.publicKey))")
  }
}

/// A wallet's key as a file: one JSON object.
enum WalletFile {
  static func bytes(_ key: WalletKey) -> [UInt8] {
    var document = JSONObjectWriter()
    document.add("algorithm", key.algorithm.rawValue)
    document.add("address", key.address)
    document.add("seed", Hex.encode(key.seed))
    return document.finish() + [UInt8(ascii: "\n")]
  }

  static func read(_ file: String) throws -> WalletKey {
    let document = try? JSONObject(parsing: try Files.read(file))
    guard let document, let seed = document["seed"]?.string.flatMap(Hex.decode),
      let algorithm = document["algorithm"]?.string.flatMap(WalletAlgorithm.init(rawValue:)),
      let key = try? WalletKey(algorithm: algorithm, seed: seed)
    else { throw CommandError("\(file) is no wallet key file") }
    return key
  }
}
