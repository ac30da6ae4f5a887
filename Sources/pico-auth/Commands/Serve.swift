import ArgumentParser
import FastCGI
import Glibc
import POSIX

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Listens for a web server and runs worker processes.",
    discussion: """
      Ends with SIGTERM, SIGINT, SIGHUP or SIGQUIT, after requests in flight were answered. A worker that dies is replaced.
      """)

  @Option(help: ArgumentHelp("unix:PATH (mode 0660) or HOST:PORT.", valueName: "address"))
  var listen = "unix:/run/pico-auth/pico-auth.sock"

  @Option(help: "How many worker processes; without it, one a processor.")
  var workers: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  @Option(help: "How many requests a worker runs at once.")
  var threads = 4

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ListenAddress(listen) != nil else {
      throw ValidationError("--listen takes unix:PATH or HOST:PORT, not \(listen)")
    }
    guard (1...256).contains(workers) else { throw ValidationError("--workers takes 1 to 256") }
    guard (1...256).contains(threads) else { throw ValidationError("--threads takes 1 to 256") }
  }

  func run() throws {
    try reporting {
      let logger = Program.makeLogger()
      // Whatever is wrong shows here, once, and not in every worker.
      let configuration = try Program.configuration(config.file)
      for warning in configuration.warnings { logger.warning("\(warning)") }
      if Files.isOnNetwork(configuration.settings.stateFolder) {
        logger.warning(
          "\(configuration.settings.stateFolder) is on a network file system: locks may not hold")
      }
      let keys = try Program.keyFiles(configuration.settings).load().keys
      try Program.stores(configuration.settings, logger: logger).revocations.prepare()

      var environment = ProcessEnvironment.variables
      environment[Program.configVariable] = Program.configFile(config.file)
      environment[Program.threadsVariable] = "\(threads)"
      // No file name has a slash.
      environment[Program.keysVariable] = keys.map(\.kid).joined(separator: "/")
      let address = ListenAddress(listen)!
      if !address.isLocal {
        logger.warning("whoever can connect to \(address) can claim any header; it must not be public")
      }
      let supervisor = Supervisor(
        socket: try ListeningSocket(address), environment: environment,
        count: workers, logger: logger)
      try supervisor.run()
    }
  }
}
