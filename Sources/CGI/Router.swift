import HTTPTypes
import POSIX
import Wire

/// A path, and the handler that answers it.
public struct Route: Sendable {
  public typealias Handler = @Sendable (Request) throws -> Response
  /// Hashes a password, and returns the handler that answers the request. It must not wait.
  public typealias Hashing = @Sendable () throws -> Handler
  /// Reads a request and decides whether a password is hashed. It may wait.
  public typealias Preparation = @Sendable (Request) throws -> Hashing

  enum Action: Sendable {
    case handler(Lane, Handler)
    case preparation(Preparation)
  }

  let path: String
  /// nil for any method.
  let method: HTTPRequest.Method?
  let action: Action

  /// - Parameters:
  ///   - method: GET answers HEAD too. nil accepts every method: `verify` gets the method of the request that it decides on.
  ///   - path: begins with a slash. Its last segment may be a parameter in braces, which ``Request/lastSegment`` gives.
  ///   - lane: what the handler may wait for.
  public init(
    _ method: HTTPRequest.Method?, _ path: String, lane: Lane, handler: @escaping Handler
  ) {
    self.path = path
    self.method = method
    action = .handler(lane, handler)
  }

  /// A route that hashes a password before it answers.
  public init(_ method: HTTPRequest.Method, _ path: String, hashing preparation: @escaping Preparation) {
    self.path = path
    self.method = method
    action = .preparation(preparation)
  }
}

/// Finds the route of a request, whichever way a web server splits the path.
public struct Router: Sendable {
  private let basePath: String
  private let routes: [String: [Route]]
  private let absoluteRoutes: [String: [Route]]
  private let report: @Sendable (any Error) -> Problem

  /// - Parameters:
  ///   - basePath: the prefix of the paths in `routes`. Begins with a slash and doesn't end with one.
  ///   - absoluteRoutes: routes outside of the base path, such as `/.well-known/jwks.json`.
  ///   - report: turns an error that isn't a ``ProblemConvertible`` into a ``Problem``, and may log it.
  public init(
    basePath: String, routes: [Route], absoluteRoutes: [Route] = [],
    report: @escaping @Sendable (any Error) -> Problem
  ) {
    self.basePath = basePath
    self.routes = Dictionary(grouping: routes, by: \.path)
    self.absoluteRoutes = Dictionary(grouping: absoluteRoutes, by: \.path)
    self.report = report
  }

  /// Answers a request. Never fails.
  public func respond(to request: Request) -> Response { work(for: request).respond() }

  /// The work that answers a request, with its lane. Running it never fails.
  public func work(for request: Request) -> Work {
    do throws(Problem) {
      switch try route(for: request).action {
      case .handler(let lane, let handler): return work(for: request, lane: lane, handler)
      case .preparation(let prepare):
        return Work(lane: .blocking) { [self] in
          attempt { .next(work(for: request, try prepare(request))) }
        }
      }
    } catch {
      return Work(lane: .immediate) { .response(error.response) }
    }
  }

  private func work(for request: Request, _ hash: @escaping Route.Hashing) -> Work {
    Work(lane: .hashing) { [self] in
      attempt { .next(work(for: request, lane: .blocking, try hash())) }
    }
  }

  /// A handler's work. If the handler would have to wait and its lane doesn't allow that, all of it runs again in the blocking
  /// lane.
  public func work(for request: Request, lane: Lane, _ handler: @escaping Route.Handler) -> Work {
    Work(lane: lane) { [self] in
      attempt {
        do {
          return .response(try handler(request))
        } catch is WouldWait {
          return .next(work(for: request, lane: .blocking, handler))
        }
      }
    }
  }

  private func attempt(_ body: () throws -> Work.Outcome) -> Work.Outcome {
    do {
      return try body()
    } catch let failure as any ProblemConvertible {
      return .response(failure.problem.response)
    } catch {
      return .response(report(error).response)
    }
  }

  private func route(for request: Request) throws(Problem) -> Route {
    let candidates = candidates(for: request)
    guard let first = candidates.first else { throw Problem(.notFound, "Not Found") }
    guard let method = request.method,
      let route = candidates.first(where: {
        $0.method == nil || $0.method == method || $0.method == .get && method == .head
      })
    else {
      let allowed = first.method == .get ? "GET, HEAD" : first.method?.rawValue ?? ""
      throw Problem(.methodNotAllowed, "Method Not Allowed", fields: [.allow: allowed])
    }
    return route
  }

  /// The routes for a request's path, all methods.
  ///
  /// SCRIPT_NAME and PATH_INFO together are the path that the client requested, and the path that web servers close. If it lies
  /// below the base path, nothing else counts: clients choose its end, which must not become a second name of a route. Otherwise,
  /// the web server maps a script to another path, and PATH_INFO counts, below the base path or alone.
  private func candidates(for request: Request) -> [Route] {
    let path = request.path
    if let absolute = Self.routes(of: absoluteRoutes, at: path) { return absolute }
    let pathInfo = request.pathInfo
    let local = belowBase(path) ?? belowBase(pathInfo) ?? pathInfo
    return Self.routes(of: routes, at: local) ?? []
  }

  /// The rest of a path after the base path; nil if the path doesn't begin with all segments of the base path.
  private func belowBase(_ path: String) -> String? {
    let bytes = path.utf8
    guard bytes.starts(with: basePath.utf8) else { return nil }
    let rest = bytes.dropFirst(basePath.utf8.count)
    return rest.isEmpty || rest.first == UInt8(ascii: "/") || basePath.isEmpty ? String(Substring(rest)) : nil
  }

  private static func routes(of routes: [String: [Route]], at path: String) -> [Route]? {
    // A dictionary compares by canonical equivalence, so another spelling of a letter would match.
    if let found = routes[path], found[0].path.hasSameBytes(as: path) { return found }
    // A route whose last segment is a parameter, such as `/sessions/{sid}`.
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.utf8.indices.last,
      let found = routes.first(where: { route in
        route.key.utf8.last == UInt8(ascii: "}")
          && route.key.utf8.prefix(while: { $0 != UInt8(ascii: "{") }).elementsEqual(path.utf8[...slash])
      })
    else { return nil }
    return found.value
  }
}
