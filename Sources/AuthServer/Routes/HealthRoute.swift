import CGI
import Wire

/// `GET /health`: says that the process answers. It checks nothing else.
enum HealthRoute {
  @Sendable static func respond(_ request: Request) -> Response {
    var answer = JSONObjectWriter()
    answer.add("status", "ok")
    return .json(answer.finish())
  }
}
