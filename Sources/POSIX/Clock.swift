import Glibc

/// The source of the time of day. Tests use their own.
public struct Clock: Sendable {
  private let read: @Sendable () -> Double

  /// - Parameter read: returns the seconds since 1970.
  public init(_ read: @escaping @Sendable () -> Double) {
    self.read = read
  }

  /// Seconds since 1970, with a fraction.
  public var now: Double { read() }

  /// Whole seconds since 1970, rounded down, as in `iat` and `exp`. RFC 7519, section 2, NumericDate.
  public var seconds: Int { Int(read().rounded(.down)) }

  /// The system's time of day. `clock_gettime(2)`, CLOCK_REALTIME.
  public static let system = Clock {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The monotonic clock, for durations and deadlines: nobody sets it. Nanoseconds since an unspecified moment.
  /// `clock_gettime(2)`, CLOCK_MONOTONIC.
  public static var monotonicNanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
