import HTTPTypes
import POSIX
import Wire

/// What answers one path.
public struct Route: Sendable {
  public typealias Handler = @Sendable (Request) throws -> Response
  /// Takes processor time for a request, and gives what answers it then.
  public typealias Preparation = @Sendable (Request) throws -> Handler

  enum Action: Sendable {
    case handler(Lane, Handler)
    case preparation(Preparation)
  }

  let path: String
  /// nil: any.
  let method: HTTPRequest.Method?
  let action: Action

  /// - Parameters:
  ///   - method: GET answers HEAD too; nil is every method, for what asks about another request and has that one's.
  ///   - path: begins with a slash.
  ///   - lane: what the handler may wait for.
  public init(
    _ method: HTTPRequest.Method?, _ path: String, lane: Lane, handler: @escaping Handler
  ) {
    self.path = path
    self.method = method
    action = .handler(lane, handler)
  }

  /// A route that hashes a password first; what answers then may wait.
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
  ///   - basePath: what the paths of `routes` lie below; begins with a slash and doesn't end with one.
  ///   - absoluteRoutes: routes whose paths are whole, such as those below `/.well-known`.
  ///   - report: turns an error that is no ``ProblemConvertible`` into a ``Problem``, and logs it where it should be known.
  public init(
    basePath: String, routes: [Route], absoluteRoutes: [Route] = [],
    report: @escaping @Sendable (any Error) -> Problem
  ) {
    self.basePath = basePath
    self.routes = Dictionary(grouping: routes, by: \.path)
    self.absoluteRoutes = Dictionary(grouping: absoluteRoutes, by: \.path)
    self.report = report
  }

  /// Answers a request; never fails.
  public func respond(to request: Request) -> Response { work(for: request).respond() }

  /// What answers a request, to be run in its lane. Running it never fails.
  public func work(for request: Request) -> Work {
    do throws(Problem) {
      switch try route(for: request).action {
      case .handler(let lane, let handler): return work(for: request, lane: lane, handler)
      case .preparation(let prepare):
        return Work(lane: .hashing) { [self] in
          attempt { .next(work(for: request, lane: .blocking, try prepare(request))) }
        }
      }
    } catch {
      return Work(lane: .immediate) { .response(error.response) }
    }
  }

  /// A handler's work. Where it turns out that it would have to wait, and may not, all of it is done in another lane.
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
  /// SCRIPT_NAME and PATH_INFO together are what the client asked for, and what web servers close paths by. Where that lies
  /// below the base path, nothing else counts: its end, which clients choose, must not be a second name of a route. Elsewhere a
  /// script of another name is mapped, and PATH_INFO counts: below the base path, or alone.
  private func candidates(for request: Request) -> [Route] {
    let path = request.path
    if let absolute = Self.routes(of: absoluteRoutes, at: path) { return absolute }
    let pathInfo = request.pathInfo
    let local = belowBase(path) ?? belowBase(pathInfo) ?? pathInfo
    return Self.routes(of: routes, at: local) ?? []
  }

  /// What follows the base path in a path; nil where the path doesn't begin with all of its segments.
  private func belowBase(_ path: String) -> String? {
    let bytes = path.utf8
    guard bytes.starts(with: basePath.utf8) else { return nil }
    let rest = bytes.dropFirst(basePath.utf8.count)
    return rest.isEmpty || rest.first == UInt8(ascii: "/") || basePath.isEmpty ? String(Substring(rest)) : nil
  }

  private static func routes(of routes: [String: [Route]], at path: String) -> [Route]? {
    // A dictionary takes other spellings of a letter for the same.
    guard let found = routes[path], found[0].path.hasSameBytes(as: path) else { return nil }
    return found
  }
}
