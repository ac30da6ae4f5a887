import CGI
import Logging
import Stores

/// Turns a failure of the service into an answer. The answer names no file and no cause; the log names both.
public struct FailureAnswers: Sendable {
  private let log: FailureLog

  /// - Parameters:
  ///   - logger: gets the failures.
  ///   - linesPerSecond: the most failures that are logged in a second, so that the log can't fill a disk.
  public init(logger: Logger, linesPerSecond: Int = 10) {
    log = FailureLog(logger, linesPerSecond: linesPerSecond)
  }

  /// The problem document for a failure: 503 with Retry-After for a `StoreError`, 500 for anything else.
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
