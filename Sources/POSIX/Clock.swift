import Glibc

/// Where the time of day comes from; tests bring their own.
public struct Clock: Sendable {
  private let read: @Sendable () -> Double

  public init(_ read: @escaping @Sendable () -> Double) {
    self.read = read
  }

  /// Seconds since 1970, with a fraction.
  public var now: Double { read() }

  /// Whole seconds since 1970, rounded down: what `iat` and `exp` hold (RFC 7519, NumericDate).
  public var seconds: Int { Int(read().rounded(.down)) }

  /// `clock_gettime(CLOCK_REALTIME)`.
  public static let system = Clock {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Nanoseconds since some fixed moment, never set back: for measuring how long something takes.
  public static var monotonicNanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
