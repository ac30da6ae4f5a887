import CGI
import Wire

/// `GET /health`: the process answers.
enum HealthRoute {
  @Sendable static func respond(_ request: Request) -> Response {
    var answer = JSONObjectWriter()
    answer.add("status", "ok")
    return .json(answer.finish())
  }
}
