import HTTPTypes
import Wire

/// What answers one path.
public struct Route: Sendable {
  public typealias Handler = @Sendable (Request) throws -> Response

  let path: String
  /// nil: any.
  let method: HTTPRequest.Method?
  let lane: Lane
  let handler: Handler

  /// - Parameters:
  ///   - method: GET answers HEAD too; nil is every method, for what asks about another request and has that one's.
  ///   - path: begins with a slash.
  ///   - lane: what the handler may wait for.
  public init(
    _ method: HTTPRequest.Method?, _ path: String, lane: Lane, handler: @escaping Handler
  ) {
    self.path = path
    self.method = method
    self.lane = lane
    self.handler = handler
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
  ///   - report: turns an error that is no ``Problem`` into one, and logs it where it should be known.
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
  public func respond(to request: Request) -> Response { work(for: request).run() }

  /// What answers a request, to be run in its lane. Running it never fails.
  public func work(for request: Request) -> Work {
    do throws(Problem) {
      let route = try route(for: request)
      return Work(lane: route.lane) { [report] in
        do {
          return try route.handler(request)
        } catch let problem as Problem {
          return problem.response
        } catch {
          return report(error).response
        }
      }
    } catch {
      return Work(lane: .immediate) { error.response }
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
  /// In this order: SCRIPT_NAME and PATH_INFO together; PATH_INFO below the base path (a script that is
  /// mapped over the whole site); PATH_INFO alone (a script in `/cgi-bin`).
  private func candidates(for request: Request) -> [Route] {
    let path = request.path
    if let absolute = Self.routes(of: absoluteRoutes, at: path) { return absolute }
    let pathInfo = request.pathInfo
    return routes(below: path) ?? routes(below: pathInfo) ?? Self.routes(of: routes, at: pathInfo) ?? []
  }

  private func routes(below path: String) -> [Route]? {
    guard path.utf8.starts(with: basePath.utf8) else { return nil }
    return Self.routes(
      of: routes, at: String(path[path.utf8.index(path.startIndex, offsetBy: basePath.utf8.count)...]))
  }

  private static func routes(of routes: [String: [Route]], at path: String) -> [Route]? {
    // A dictionary takes other spellings of a letter for the same.
    guard let found = routes[path], found[0].path.hasSameBytes(as: path) else { return nil }
    return found
  }
}
