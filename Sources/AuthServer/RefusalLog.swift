import CGI
import Gate
import Logging

/// Logs refusals with the client's address, for operators and for programs such as fail2ban that block clients. A
/// line holds no credential.
///
/// A process writes at most 100 lines per second, and 5 for one client. That suffices to block a client, and one
/// client can't hide others.
struct RefusalLog: Sendable {
  private let address: ClientAddress
  private let logger: Logger
  private let budget: LineBudget

  init(address: ClientAddress, logger: Logger, budget: LineBudget = LineBudget(total: 100, each: 5)) {
    self.address = address
    self.logger = logger
    self.budget = budget
  }

  /// Wraps a handler, or a part of one, so that its refusals are logged before they are passed on.
  /// - Parameter route: the path for the log.
  func watching<Value>(
    _ route: String, _ handler: @escaping @Sendable (Request) throws -> Value
  ) -> @Sendable (Request) throws -> Value {
    { request in
      do {
        return try handler(request)
      } catch let refusal as Refusal {
        note(request, route, refusal)
        throw refusal
      }
    }
  }

  private func note(_ request: Request, _ route: String, _ refusal: Refusal) {
    let client = address.of(request)
    guard let omitted = budget.take(for: client) else { return }
    if omitted > 0 { logger.notice("refusals not logged", metadata: ["count": "\(omitted)"]) }
    logger.notice(
      "refused",
      metadata: [
        "client": "\(address.name(of: request))", "route": "\(route)",
        "status": "\(refusal.problem.status.code)",
      ])
  }
}
