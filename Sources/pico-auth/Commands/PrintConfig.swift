import ArgumentParser
import AuthServer
import DeploymentTemplates
import Glibc
import POSIX
import Supervision

struct PrintConfig: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Prints configurations for a web server or systemd, filled in from the effective configuration.",
    discussion: """
      Prints all files of the target, or only the one that you name. With --directory, writes them to a folder instead.
      """)

  @Argument(help: "One of: \(PrintConfig.targets).")
  var target: String

  @Argument(help: "Prints only this file.")
  var file: String?

  @Option(help: ArgumentHelp("Writes the files to a folder.", valueName: "folder"))
  var directory: String?

  @Option(help: ArgumentHelp("Where `serve` listens: unix:PATH or HOST:PORT.", valueName: "address"))
  var listen = "unix:/run/pico-auth/pico-auth.sock"

  @Option(help: "The number of worker processes.")
  var workers = 2

  @Option(help: "The number of threads of a worker.")
  var threads = 4

  @Option(
    help: ArgumentHelp("The path of pico-auth. Without it: the path of this program.", valueName: "path"))
  var program: String?

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    _ = try deploymentTarget()
    guard ListenAddress(listen) != nil else {
      throw ValidationError("--listen takes unix:PATH or HOST:PORT, not \(listen)")
    }
  }

  private static var targets: String { DeploymentTarget.all.map(\.name).joined(separator: ", ") }

  private func deploymentTarget() throws -> DeploymentTarget {
    guard let target = DeploymentTarget.named(target) else {
      throw ValidationError("there are configurations for \(Self.targets), not for \(target)")
    }
    return target
  }

  func run() throws {
    try reporting {
      let settings = try Program.configuration(config.file).settings
      let values = DeploymentValues(
        basePath: settings.basePath, wellKnownPaths: WellKnownPaths(issuer: settings.issuer),
        stateFolder: Files.absolute(settings.stateFolder),
        configFile: Files.absolute(Program.configFile(config.file) ?? Program.defaultConfig),
        program: program.map(Files.absolute) ?? Self.ownPath,
        listen: Self.absolute(ListenAddress(listen)!), workers: workers, threads: threads)
      try Self.check(values)
      var files = try deploymentTarget().files(values)
      if let file {
        files = files.filter { $0.name == file }
        guard !files.isEmpty else { throw UnknownFile(description: "there is no \(file) for \(target)") }
      }
      if let directory { try Self.makeFolder(directory) }
      for item in files {
        if let directory {
          try Files.replace("\(directory)/\(item.name)", Array(item.text.utf8), permissions: 0o644)
        } else {
          if file == nil { try Console.print("# --- \(item.name)") }
          try Console.print(document: item.text.hasSuffix("\n") ? String(item.text.dropLast()) : item.text)
        }
      }
    }
  }

  /// Refuses values that would be something else in a web server's language: a variable, the end of a block, another line.
  /// - Throws: ``CommandError`` that names the value.
  private static func check(_ values: DeploymentValues) throws {
    let all = [
      ("base_path", values.basePath), ("state_dir", values.stateFolder), ("--config", values.configFile),
      ("--program", values.program), ("--listen", "\(values.listen)"),
      ("issuer", values.wellKnownPaths.openIDConfiguration),
    ]
    for (name, value) in all where value.unicodeScalars.contains(where: isSpecial) {
      throw CommandError(
        "\(name) is \(value): configurations can't hold white space, control characters and any of \" ' { } ; $ \\ #"
      )
    }
  }

  private static func isSpecial(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      || "\"'{};$\\#".unicodeScalars.contains(scalar)
  }

  /// Creates a folder if it is missing, with mode 0755 as web servers' folders have.
  private static func makeFolder(_ path: String) throws {
    guard try FileStatus.ofFile(at: path) == nil else { return }
    try Files.makeFolder(path)
    let handle = try FileHandle(path: path, flags: .folder)
    try retryingOnInterrupt("fchmod", path) { fchmod(handle.descriptor, 0o755) }
  }

  private static func absolute(_ address: ListenAddress) -> ListenAddress {
    if case .unix(let path) = address { .unix(path: Files.absolute(path)) } else { address }
  }

  private struct UnknownFile: Error, CustomStringConvertible {
    let description: String
  }

  private static var ownPath: String {
    realpath("/proc/self/exe", nil).map { path in
      defer { free(path) }
      return String(cString: path)
    } ?? "/usr/bin/pico-auth"
  }
}
