import ArgumentParser
import Tokens

struct Keys: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Creates and lists signing keys.", subcommands: [Generate.self, List.self])

  struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Adds a signing key.",
      discussion: """
        pico-auth signs with the new key after the next reload. The earlier keys stay published, so the tokens that they \
        signed stay valid.
        """)

    @Option(help: "The size of the modulus: 2048, 3072 or 4096.")
    var bits = 2048

    @OptionGroup var config: ConfigOptions

    func validate() throws {
      guard [2048, 3072, 4096].contains(bits) else {
        throw ValidationError("--bits takes 2048, 3072 or 4096")
      }
    }

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        try RootsFolder.prepare(settings)
        try settings.checkFolders()
        let files = Program.keyFiles(settings)
        try Console.print(try files.generate(bits: bits).kid)
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the signing keys. The last one signs.")

    @OptionGroup var config: ConfigOptions

    func run() throws {
      try reporting {
        let settings = try Program.configuration(config.file).settings
        try settings.checkFolders()
        let keys = try Program.keyFiles(settings).existing()
        for key in keys {
          let use = key === keys.last ? "signs and verifies" : "verifies"
          try Console.print("\(key.kid)  RSA-\(key.bits)  \(use)")
        }
      }
    }
  }
}
