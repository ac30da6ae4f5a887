import Logging

/// Logs failures that requests cause, with a limit on the lines per second. A client that repeats its request can't
/// fill the disk. Each kind of failure has its own log, so that one can't hide another.
struct FailureLog: Sendable {
  private let logger: Logger
  private let budget: LineBudget

  init(_ logger: Logger, linesPerSecond: Int = 10) {
    self.logger = logger
    budget = LineBudget(total: linesPerSecond, each: linesPerSecond)
  }

  func error(_ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
    log(.error, message, metadata())
  }

  func warning(_ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata) {
    log(.warning, message, metadata())
  }

  private func log(
    _ level: Logger.Level, _ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata
  ) {
    guard let omitted = budget.take(for: nil) else { return }
    if omitted > 0 { logger.log(level: level, "failures not logged", metadata: ["count": "\(omitted)"]) }
    logger.log(level: level, message, metadata: metadata())
  }
}
