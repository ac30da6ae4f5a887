import AuthServer
import CGI
import FastCGI
import Glibc
import POSIX
import Supervision

/// The run mode of a worker: a FastCGI application on descriptor 0, which `serve` or a web server starts. FastCGI
/// specification, section 2.2.
enum WorkerProcess {
  /// The threads of a worker that a web server starts.
  private static let defaultThreads = 4

  static func run() -> Never {
    ProcessMemory.hide()
    let logger = Program.makeLogger()
    do {
      let settings = try Program.configuration().settings
      let server = try Program.server(settings, isLasting: true, logger: logger)
      let variables = ProcessEnvironment.variables
      WorkerLaunch.closeFiles([Program.configVariable, Program.keysVariable], in: variables)
      let heartbeat = variables[WorkerLaunch.heartbeatVariable].flatMap { Int32($0) }.map {
        Heartbeat(descriptor: $0, interval: Program.heartbeatInterval(variables))
      }
      let stop = try StopSignals(lifeline: variables[WorkerLaunch.lifelineVariable].flatMap { Int32($0) })
      let loop = try WorkerLoop(
        stop: stop,
        threads: variables[Program.threadsVariable].flatMap { Int($0) } ?? defaultThreads,
        hashingLimit: settings.passwordCheckConcurrency,
        requestLimit: variables[Program.requestLimitVariable].flatMap { Int($0) } ?? 0,
        heartbeat: heartbeat, logger: logger
      ) { request, role in
        switch role {
        case .responder: server.work(for: request)
        case .authorizer: server.authorization(of: request)
        }
      }
      try loop.start()
      heartbeat?.beat()
      loop.waitUntilStopped()
      exit(0)
    } catch {
      logger.critical("worker can't start", metadata: ["reason": "\(error)"])
      exit(1)
    }
  }
}
