import CGI
import Logging

/// Notes refused attempts to get in, with the client's address: for operators, and for programs such as fail2ban that
/// shut out whoever keeps trying. Holds no credential.
struct RefusalLog: Sendable {
  let address: ClientAddress
  let logger: Logger

  /// A route's handler, or a part of it, that notes its refusals as it passes them on.
  func watching<Value>(
    _ route: String, _ handler: @escaping @Sendable (Request) throws -> Value
  ) -> @Sendable (Request) throws -> Value {
    { request in
      do {
        return try handler(request)
      } catch let problem as Problem where problem.status == .unauthorized || problem.status == .forbidden {
        logger.notice(
          "refused",
          metadata: [
            "client": "\(address.text(request))", "route": "\(route)", "status": "\(problem.status.code)",
          ])
        throw problem
      }
    }
  }
}
