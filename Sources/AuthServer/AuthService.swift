// The module AuthServer owns the settings, the table of routes, the routes, the table of store back ends, and the
// answers to failures. AuthService puts them together. The module doesn't own the decision on a request (Gate),
// tokens and keys (Tokens), wallet schemes (Wallets), or what the stores keep (Stores). It knows no FastCGI and no
// command line.

import CGI
import Gate
import HTTPTypes
import Logging
import POSIX
import Tokens

/// The HTTP service: answers a request, using keys and stores.
///
/// It knows no web server and no FastCGI. A program can embed it, and a test needs no socket. It owns neither threads
/// nor connections. Any number of threads may call it at once.
public final class AuthService: Sendable {
  private let router: Router
  private let authorizer: Authorizer
  /// The gate, for the routes of a program that embeds this service.
  public let gate: AccessGate

  /// - Parameters:
  ///   - settings: checked settings, as ``Configuration`` gives them.
  ///   - keys: the signing keys.
  ///   - stores: the challenges, the revocations and the mint audit.
  ///   - clock: the time for tokens' `iat` and `exp`.
  ///   - logger: gets failures, and refusals of the routes that log them.
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

  /// Answers a request. It never throws: a failure becomes a problem document.
  public func respond(to request: Request) -> Response {
    router.respond(to: request)
  }

  /// The work that answers a request, and whether that work may wait. A server with threads for each lane calls this
  /// instead of ``respond(to:)``.
  public func work(for request: Request) -> Work {
    router.work(for: request)
  }

  /// Answers a FastCGI authorizer's request: whether the web server may let its client's request pass. FastCGI
  /// specification, section 6.3.
  ///
  /// An answer 200 lets the request pass. Its fields `Variable-…` become variables for the application. The method
  /// never throws, and a failure never lets a request pass.
  public func authorize(_ request: Request) -> Response {
    authorization(of: request).respond()
  }

  /// The work that answers an authorizer's request, for a server with threads for each lane.
  public func authorization(of request: Request) -> Work {
    router.work(for: request, lane: .immediate, authorizer.authorize)
  }
}
