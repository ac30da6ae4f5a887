import POSIX

/// How much a store looks at in one call.
public struct ScanBudget: Sendable, Equatable {
  /// The number of lines, or of rows.
  public var lines: Int
  /// The duration, measured with ``Clock/monotonicNanoseconds``. Nanoseconds.
  public var nanoseconds: UInt64

  public init(lines: Int, nanoseconds: UInt64) {
    self.lines = lines
    self.nanoseconds = nanoseconds
  }

  /// No limit.
  public static let unlimited = ScanBudget(lines: .max, nanoseconds: .max)

  /// The budget of a caller that checks between calls whether its client is still connected: 100,000 lines or
  /// 20 ms.
  public static let slice = ScanBudget(lines: 100_000, nanoseconds: 20_000_000)
}
