import POSIX
import Synchronization

/// A clock that stands still until it is told to go on.
public final class ManualClock: Sendable {
  private let time: Mutex<Double>

  public init(_ seconds: Double = 1_700_000_000) { time = Mutex(seconds) }

  public func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

  public var clock: Clock { Clock { self.time.withLock { $0 } } }
}
