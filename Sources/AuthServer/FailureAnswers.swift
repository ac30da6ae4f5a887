import CGI
import Logging
import Stores

/// The one place where a failure of ours becomes an answer. What the client is told names no file and no cause; the log
/// has both.
public struct FailureAnswers: Sendable {
  private let budget: LineBudget
  private let logger: Logger

  /// - Parameter linesPerSecond: how many failures are logged. A full disk must not be filled with lines about it.
  public init(logger: Logger, linesPerSecond: Int = 10) {
    budget = LineBudget(total: linesPerSecond, each: linesPerSecond)
    self.logger = logger
  }

  @Sendable public func problem(for error: any Error) -> Problem {
    let omitted = budget.take(for: nil)
    if let omitted, omitted > 0 { logger.error("failures not logged", metadata: ["count": "\(omitted)"]) }
    func note(_ message: Logger.Message) {
      if omitted != nil { logger.error(message, metadata: ["reason": "\(error)"]) }
    }
    switch error {
    case let error as StoreError:
      note("store unavailable")
      return Problem(
        .serviceUnavailable, "temporarily unavailable", fields: [.retryAfter: "\(error.retryAfter)"])
    default:
      note("request failed")
      return Problem(.internalServerError, "internal error")
    }
  }
}
