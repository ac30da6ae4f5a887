import CGI
import Gate
import HTTPTypes
import Logging
import POSIX
import Tokens

/// The routes of the HTTP contract over keys and stores: one request in, one answer out.
///
/// Knows no web server and no FastCGI, so a program can embed it and a test needs no socket. It owns neither threads nor
/// connections; ``respond(to:)`` may be called by any number of threads at once.
public final class AuthService: Sendable {
  private let router: Router
  private let authorizer: Authorizer
  /// What decides on requests to the program's own routes, where this service is part of it.
  public let gate: AccessGate

  /// - Parameters:
  ///   - settings: checked settings, as ``Configuration`` gives them.
  ///   - keys: the signing keys.
  ///   - stores: where challenges, revocations and the mint audit are kept.
  public init(
    settings: Settings, keys: KeyRing, stores: StoreSet, clock: Clock = .system, logger: Logger
  ) {
    let context = RouteContext(settings: settings, keys: keys, stores: stores, clock: clock, logger: logger)
    gate = context.gate
    authorizer = Authorizer(context)
    let failures = FailureAnswers(logger: logger)
    let refusals = RefusalLog(address: context.address, logger: logger)
    router = Router(
      basePath: settings.basePath,
      routes: Endpoints.all.filter { !$0.isAbsolute }.map { $0.route(context, refusals) },
      absoluteRoutes: Endpoints.all.filter(\.isAbsolute).map { $0.route(context, refusals) },
      report: failures.problem)
  }

  /// Answers a request. Never fails: whatever goes wrong becomes a problem document.
  public func respond(to request: Request) -> Response {
    router.respond(to: request)
  }

  /// What answers a request, and whether that may wait: for a server that gives each lane its own threads.
  public func work(for request: Request) -> Work {
    router.work(for: request)
  }

  /// Answers a FastCGI authorizer's request: whether the web server may let its client's request through. Fields
  /// `Variable-…` of the answer are variables for whoever answers that. Never fails, and never lets through whom it
  /// can't tell. FastCGI specification, section 6.3.
  public func authorize(_ request: Request) -> Response {
    authorization(of: request).respond()
  }

  /// The same as work for a lane.
  public func authorization(of request: Request) -> Work {
    router.work(for: request, lane: .immediate, authorizer.authorize)
  }
}
