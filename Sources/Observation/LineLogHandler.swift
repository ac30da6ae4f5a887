import Glibc
import Logging

// The module Observation owns what operators see of the program: the format of log lines, and writing them without
// waiting. It knows nothing of HTTP or authentication.

/// A swift-log handler that writes each event as one line of text. ``LogLine`` formats it, ``LogOutput`` writes it.
public struct LineLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel = Logger.Level.info
  private let label: String
  private let output: LogOutput

  /// - Parameter label: the logger's, such as `pico-auth`.
  public init(label: String, output: LogOutput) {
    self.label = label
    self.output = output
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
    output.write(line(event.level, "\(event.message)", metadata)) { [self] count in
      line(.warning, "log lines dropped", ["count": "\(count)"])
    }
  }

  private func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> [UInt8] {
    LogLine(time: time(nil), level: level, label: label, message: message, metadata: metadata).bytes
  }
}
