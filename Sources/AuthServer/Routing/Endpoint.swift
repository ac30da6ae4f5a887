import CGI
import Gate
import HTTPTypes

/// The declaration of a route: its method and path, who may call it, and how its handler is made.
public struct Endpoint: Sendable {
  /// A handler that gets the identity of a request which the gate has let pass.
  typealias AdmittedHandler = @Sendable (Request, Identity) throws -> Response

  private enum Making: Sendable {
    case handler(Lane, @Sendable (RouteContext) -> Route.Handler)
    case admitted(Lane, @Sendable (RouteContext) -> AdmittedHandler)
    case hashing(@Sendable (RouteContext) -> Route.Preparation)
  }

  /// The method; nil for any, if the route decides on another request and gets that request's method.
  public let method: HTTPRequest.Method?
  /// The path below `base_path`; the whole path if the route `isAbsolute`.
  public let path: String
  /// Whether the path ignores `base_path`.
  public let isAbsolute: Bool
  /// The path by the issuer, if it isn't always `path`.
  private let location: (KeyPath<WellKnownPaths, String> & Sendable)?
  /// Who may call the route.
  public let access: RouteAccess
  /// The names of the parameters that the query may have.
  public let query: [String]
  /// Whether refusals are logged, for operators and fail2ban.
  public let logsRefusals: Bool
  /// What the route does, in one line, for the documentation.
  public let summary: String
  private let making: Making

  /// A route that the gate doesn't protect: for any client, or for web servers.
  init(
    _ method: HTTPRequest.Method?, _ path: String, isAbsolute: Bool = false,
    location: (KeyPath<WellKnownPaths, String> & Sendable)? = nil, access: RouteAccess, lane: Lane,
    query: [String] = [],
    logsRefusals: Bool = false, _ summary: String,
    _ make: @escaping @Sendable (RouteContext) -> Route.Handler
  ) {
    self.init(
      method, path, isAbsolute, access, query, logsRefusals, summary, .handler(lane, make), location: location
    )
  }

  /// A route that the gate protects. The client needs a token or a session's cookie.
  init(
    _ method: HTTPRequest.Method, _ path: String, only access: RouteAccess, lane: Lane, query: [String] = [],
    logsRefusals: Bool = false, _ summary: String,
    _ make: @escaping @Sendable (RouteContext) -> AdmittedHandler
  ) {
    self.init(method, path, false, access, query, logsRefusals, summary, .admitted(lane, make))
  }

  /// A route that hashes a password before it answers. The hashing runs in a lane of its own.
  init(
    _ method: HTTPRequest.Method, hashing path: String, query: [String] = [], logsRefusals: Bool = false,
    _ summary: String, _ make: @escaping @Sendable (RouteContext) -> Route.Preparation
  ) {
    self.init(method, path, false, .anybody, query, logsRefusals, summary, .hashing(make))
  }

  private init(
    _ method: HTTPRequest.Method?, _ path: String, _ isAbsolute: Bool, _ access: RouteAccess,
    _ query: [String], _ logsRefusals: Bool, _ summary: String, _ making: Making,
    location: (KeyPath<WellKnownPaths, String> & Sendable)? = nil
  ) {
    self.location = location
    self.method = method
    self.path = path
    self.isAbsolute = isAbsolute
    self.access = access
    self.query = query
    self.logsRefusals = logsRefusals
    self.summary = summary
    self.making = making
  }

  /// Makes the route. If its access has requirements, the handler asks the gate first.
  func route(_ context: RouteContext, _ refusals: RefusalLog) -> Route {
    let requirements = access.requirements(context.settings)
    let path = location.map { WellKnownPaths(issuer: context.settings.issuer)[keyPath: $0] } ?? path
    switch making {
    case .handler(let lane, let make):
      var handler = make(context)
      if requirements != nil {
        let open = handler
        handler = guarding(context, requirements) { request, _ in try open(request) }
      }
      return Route(method, path, lane: lane, handler: logging(handler, refusals))
    case .admitted(let lane, let make):
      let handler = guarding(context, requirements, make(context))
      return Route(method, path, lane: lane, handler: logging(handler, refusals))
    case .hashing(let make):
      let prepare = logging(make(context), refusals)
      return Route(method ?? .post, path) { request in
        let hash = try prepare(request)
        return {
          let answer = try logging({ _ in try hash() }, refusals)(request)
          return logging(answer, refusals)
        }
      }
    }
  }

  /// A handler behind the gate. Without requirements, the gate refuses everybody.
  private func guarding(
    _ context: RouteContext, _ requirements: Requirements?, _ handler: @escaping AdmittedHandler
  ) -> Route.Handler {
    let gate = context.gate
    return { request in
      guard let requirements else { throw Refusal.unclearRequirement }
      return try handler(request, try gate.admitOwn(GateInputs(request), requiring: requirements))
    }
  }

  private func logging<Value>(
    _ handler: @escaping @Sendable (Request) throws -> Value, _ refusals: RefusalLog
  ) -> @Sendable (Request) throws -> Value {
    logsRefusals ? refusals.watching(path, handler) : handler
  }
}
