import ArgumentParser
import Gate
import Tokens
import Wire

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints every check that the gate makes of a token, and its decision.",
    discussion: """
      Runs the gate's own code with the keys and revocations of the configuration. Exits with 0 if the token passes and \
      with 1 if it doesn't. Pass the token on standard input: every user of the host can see a command line.
      """)

  @Argument(help: "The token, or - for standard input.") var token: String

  @Option(help: ArgumentHelp("A required role. If you give several, any one suffices.", valueName: "name"))
  var role: [String] = []
  @Option(help: ArgumentHelp("A required scope. If you give several, any one suffices.", valueName: "name"))
  var scope: [String] = []
  @Option(help: ArgumentHelp("A required group. If you give several, any one suffices.", valueName: "name"))
  var group: [String] = []
  @Option(
    help: ArgumentHelp("A required audience. If you give several, any one suffices.", valueName: "name"))
  var audience: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup var config: ConfigOptions

  func run() throws {
    try reporting {
      let explanation = try Program.gate(config).explain(
        try Arguments.firstWord(token),
        requiring: Requirements(roles: role, scopes: scope, groups: group, audiences: audience))
      for check in explanation.checks { try print(check) }
      let passes = explanation.status == 204
      if output.json {
        var verdict = JSONObjectWriter()
        verdict.add("status", explanation.status)
        verdict.add("detail", explanation.detail)
        try output.print(verdict.finish())
      } else {
        let reason = Console.shortened(explanation.detail, limit: 400)
        try Console.print(passes ? "passes: 204" : "refused: \(explanation.status) \(reason)")
      }
      if !passes { throw ExitCode.failure }
    }
  }

  private func print(_ check: TokenCheck) throws {
    guard output.json else {
      let mark = check.passes ? "ok  " : "FAIL"
      return try Console.print(
        "\(mark)  \(check.name.padded(to: 11))  \(Console.shortened(check.finding, limit: 400))")
    }
    var object = JSONObjectWriter()
    object.add("check", check.name)
    object.add("passes", check.passes)
    object.add("finding", check.finding)
    try output.print(object.finish())
  }
}
