import ArgumentParser
import AuthServer
import Glibc
import Logging
import POSIX
import Supervision
import Tokens

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Listens for a web server and runs worker processes.",
    discussion: """
      serve replaces a worker that dies. On SIGHUP, it reads configuration and keys again and replaces the workers one by \
      one. If there is a mistake in them, it keeps the old workers. On SIGTERM, SIGINT or SIGQUIT, it ends after it has \
      answered the requests in flight.

      If systemd passes a socket, serve uses that one and ignores --listen.
      """)

  @Option(help: ArgumentHelp("unix:PATH or HOST:PORT.", valueName: "address"))
  var listen = "unix:/run/pico-auth/pico-auth.sock"

  @Option(help: "The number of worker processes. Without it: one for each processor.")
  var workers: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

  @Option(
    help: """
      The number of threads of a worker. Up to three quarters of them run requests that may wait for the disk. The others \
      stay free for key sets and token checks.
      """)
  var threads = 4

  @Option(help: "Replaces a worker after it has served this many requests. 0: never.")
  var maxRequests = 0

  @OptionGroup(title: "Access") var access: AccessOptions

  @Option(help: ArgumentHelp("Writes the process id to a file.", valueName: "file"))
  var pidFile: String?

  @OptionGroup var config: ConfigOptions

  func validate() throws {
    guard ListenAddress(listen) != nil else {
      throw ValidationError("--listen takes unix:PATH or HOST:PORT, not \(listen)")
    }
    guard (1...256).contains(workers) else { throw ValidationError("--workers takes 1 to 256") }
    guard (1...256).contains(threads) else { throw ValidationError("--threads takes 1 to 256") }
    guard maxRequests >= 0 else { throw ValidationError("--max-requests takes 0 or more") }
  }

  func run() throws {
    try reporting {
      let logger = Program.makeLogger()
      let environment = ProcessEnvironment.variables
      // Steps that may need root come first. The process gives up root before it reads any configuration.
      let account = try access.account()
      let socket = try listeningSocket(environment, account, logger)
      do {
        if let pidFile { try Files.replace(pidFile, Array("\(getpid())\n".utf8), permissions: 0o644) }
        try account?.assume()
        // A damaged file of revocations or sessions is reported here, once, and not by every worker. At a reload the workers
        // check it themselves: it may take long, and this process must handle signals.
        let settings = try Program.configuration(config.file).settings
        let stores = try Program.stores(settings, logger: logger)
        try stores.revocations.prepare()
        try stores.sessions.prepare()
        ProcessMemory.hide()
        let supervisor = Supervisor(
          socket: socket, count: workers, manager: ServiceManager(environment: environment),
          logger: logger
        ) { try launch(environment, logger) }
        try supervisor.run()
      } catch {
        socket.remove()
        throw error
      }
      if let pidFile { unlink(pidFile) }
    }
  }

  private func listeningSocket(
    _ environment: [String: String], _ account: Account?, _ logger: Logger
  ) throws -> ListeningSocket {
    if let socket = try ListeningSocket(inheritedBy: environment) { return socket }
    let address = ListenAddress(listen)!
    if !address.isLocal {
      logger.warning("any process that can connect to \(address) can send any header; keep it private")
    }
    return try ListeningSocket(address, access: access.socket(account))
  }

  /// Reads configuration and keys for a generation of workers. A mistake is reported here, once, and not by every
  /// worker.
  private func launch(_ environment: [String: String], _ logger: Logger) throws -> WorkerLaunch {
    let configuration = try Program.configuration(config.file)
    let exposed = configuration.exposedSecrets(file: Program.configFile(config.file))
    for warning in configuration.warnings + exposed { logger.warning("\(warning)") }
    if geteuid() == 0 { logger.warning("running as root; use --user NAME") }
    let settings = configuration.settings
    if Files.isOnNetwork(settings.stateFolder) {
      logger.warning("\(settings.stateFolder) is on a network file system: locks may not hold")
    }
    let keys = try Program.keyFiles(settings).load()

    // Workers inherit variables that libraries may read. Settings come only from the document. So all workers have
    // the same ones, even a worker that starts after a file has changed.
    let own = ["SERVER_AUTH_", "PICO_AUTH_", "LISTEN_", "NOTIFY_", "WATCHDOG_"]
    var variables = environment.filter { variable in !own.contains { variable.key.hasPrefix($0) } }
    variables[Program.threadsVariable] = "\(threads)"
    variables[Program.requestLimitVariable] = "\(maxRequests)"
    let timeout = settings.workerTimeoutSeconds
    if timeout > 0 { variables[Program.timeoutVariable] = "\(timeout)" }
    var launch = WorkerLaunch(
      environment: variables, timeout: timeout > 0 ? Double(timeout) : nil,
      log: Program.logOutput.descriptor)
    try launch.add(Program.configVariable, configuration.document())
    try launch.add(Program.keysVariable, try keys.privateDocument())
    return launch
  }
}

/// The options for the service's user and for access to its socket.
struct AccessOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Runs as this user after the socket is created.", valueName: "name"))
  var user: String?

  @Option(help: ArgumentHelp("Runs in this group. Without it: the user's own.", valueName: "name"))
  var group: String?

  @Option(help: ArgumentHelp("The socket file's owner. Without it: the user of --user.", valueName: "name"))
  var socketOwner: String?

  @Option(
    help: ArgumentHelp(
      "The socket file's group: the web server's. Without it: the group of --user.", valueName: "name"))
  var socketGroup: String?

  @Option(help: ArgumentHelp("The socket file's mode.", valueName: "octal"))
  var socketMode = "0660"

  func validate() throws {
    guard let mode = UInt32(socketMode, radix: 8), mode <= 0o777 else {
      throw ValidationError("--socket-mode takes an octal number up to 0777")
    }
    guard group == nil || user != nil else { throw ValidationError("--group needs --user") }
  }

  /// The account that the service runs as; nil if no option names one.
  /// - Throws: ``Account/Unknown``; ``CommandError`` if the process isn't root's.
  func account() throws -> Account? {
    guard let user else { return nil }
    var account = try Account(named: user)
    guard geteuid() == 0 else {
      throw CommandError("--user needs root; this is \(Account.name(of: geteuid()))")
    }
    if let group { account.group = try Account.group(named: group) }
    return account
  }

  /// The owner, group and mode of the socket file.
  /// - Throws: ``Account/Unknown``.
  func socket(_ account: Account?) throws -> ListeningSocket.Access {
    var access = ListeningSocket.Access()
    access.mode = UInt32(socketMode, radix: 8)!
    access.owner = try socketOwner.map { try Account(named: $0).user } ?? account?.user
    access.group = try socketGroup.map { try Account.group(named: $0) } ?? account?.group
    return access
  }
}
