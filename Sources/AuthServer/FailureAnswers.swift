import CGI
import Logging
import Stores

/// The one place where a failure of ours becomes an answer. What the client is told names no file and no cause; the log
/// has both.
public struct FailureAnswers: Sendable {
  private let log: FailureLog

  /// - Parameter linesPerSecond: how many failures are logged. A full disk must not be filled with lines about it.
  public init(logger: Logger, linesPerSecond: Int = 10) {
    log = FailureLog(logger, linesPerSecond: linesPerSecond)
  }

  @Sendable public func problem(for error: any Error) -> Problem {
    switch error {
    case let error as StoreError:
      log.error("store unavailable", ["reason": "\(error)"])
      return Problem(
        .serviceUnavailable, "temporarily unavailable", fields: [.retryAfter: "\(error.retryAfter)"])
    default:
      log.error("request failed", ["reason": "\(error)"])
      return Problem(.internalServerError, "internal error")
    }
  }
}
