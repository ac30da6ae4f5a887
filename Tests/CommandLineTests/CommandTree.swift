/// The commands of the program and their options, as `--help` has them.
struct CommandTree {
  /// By command: `store verify`. Without the dashes.
  private(set) var options: [String: Set<String>] = [:]

  init(help: ([String]) throws -> String) throws {
    func add(_ path: [String]) throws {
      let text = try help(path + ["--help"])
      options[path.joined(separator: " ")] = Set(text.matches(of: #/--([a-z][a-z-]+)/#).map { String($0.1) })
      let list = text.components(separatedBy: "SUBCOMMANDS:").dropFirst().joined()
      for command in list.matches(of: #/\n  ([a-z-]+) +[A-Z]/#) { try add(path + [String(command.1)]) }
    }
    try add([])
  }

  private func hasSubcommands(_ command: String) -> Bool {
    options.keys.contains { $0.hasPrefix("\(command) ") }
  }

  /// The words that a piece of code gives to pico-auth: after its name where a command line begins; or all of them, where
  /// the first is an option or a command that has subcommands.
  func use(in code: String) -> [String]? {
    if let match = code.firstMatch(
      of: #/(?:^|[(`]|sudo )(?:[.\/a-z_]*\/)?(?:pico-auth|\$pico) ((?:--)?[a-z].*)/#)
    {
      return Self.words(match.1)
    }
    let words = Self.words(code[...])
    guard let first = words.first, first.hasPrefix("--") || words.count > 1 && hasSubcommands(first) else {
      return nil
    }
    return words
  }

  /// Up to whatever a shell takes for something else.
  private static func words(_ text: Substring) -> [String] {
    text.prefix { !"|&;<>#`)".contains($0) }.split(separator: " ").map(String.init)
  }

  func faults(of words: [String]) -> [String] {
    var command = ""
    var words = words[...]
    var faults: [String] = []
    if let first = words.first, !first.hasPrefix("--") {
      guard options[first] != nil else { return ["there is no command \(first)"] }
      command = first
      words = words.dropFirst()
      if hasSubcommands(command), let second = words.first {
        command += " \(second)"
        guard options[command] != nil else { return ["there is no command \(command)"] }
      }
    }
    let known =
      command.isEmpty ? options.values.reduce(into: []) { $0.formUnion($1) } : options[command] ?? []
    for word in words where word.hasPrefix("--") {
      let option = word.dropFirst(2).prefix { $0 != "=" && $0 != "," }
      if !known.contains(String(option)) { faults.append("there is no option --\(option)") }
    }
    return faults
  }
}
