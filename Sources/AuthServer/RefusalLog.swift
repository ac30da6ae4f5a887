import CGI
import Gate
import Logging

/// Notes refused attempts to get in, with the client's address: for operators, and for programs such as fail2ban that
/// shut out whoever keeps trying. Holds no credential.
///
/// A process writes 100 lines a second at most, and 5 for one client: enough to shut it out, and too few to hide others.
struct RefusalLog: Sendable {
  private let address: ClientAddress
  private let logger: Logger
  private let budget: LineBudget

  init(address: ClientAddress, logger: Logger, budget: LineBudget = LineBudget(total: 100, each: 5)) {
    self.address = address
    self.logger = logger
    self.budget = budget
  }

  /// A route's handler, or a part of it, that notes its refusals as it passes them on.
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
