import Logging

/// Logs failures that requests cause, so many a second at most: whoever asks again and again fills no disk with them. Each
/// kind of failure has a log of its own, so that none hides another.
struct FailureLog: Sendable {
  private let logger: Logger
  private let budget: LineBudget

  init(_ logger: Logger, linesPerSecond: Int = 10) {
    self.logger = logger
    budget = LineBudget(total: linesPerSecond, each: linesPerSecond)
  }

  func error(_ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
    guard let omitted = budget.take(for: nil) else { return }
    if omitted > 0 { logger.error("failures not logged", metadata: ["count": "\(omitted)"]) }
    logger.error(message, metadata: metadata())
  }
}
