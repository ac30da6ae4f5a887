import POSIX

/// How much a store may look at in one call.
public struct ScanBudget: Sendable, Equatable {
  /// Lines, or rows.
  public var lines: Int
  /// Time, as ``Clock/monotonicNanoseconds`` tells it. Nanoseconds.
  public var nanoseconds: UInt64

  public init(lines: Int, nanoseconds: UInt64) {
    self.lines = lines
    self.nanoseconds = nanoseconds
  }

  public static let unlimited = ScanBudget(lines: .max, nanoseconds: .max)

  /// For a caller that looks between calls whether its client is still there: 20 ms.
  public static let slice = ScanBudget(lines: 100_000, nanoseconds: 20_000_000)
}
