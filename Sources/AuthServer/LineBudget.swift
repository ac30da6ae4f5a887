import POSIX
import Synchronization

/// Limits the log lines per second that clients cause in one process. One client can't use up the lines of others,
/// and no client can fill the disk.
final class LineBudget: Sendable {
  private let total: Int
  private let each: Int
  /// The monotonic clock. Nanoseconds.
  private let now: @Sendable () -> UInt64
  private let state = Mutex(State())

  private struct State {
    /// The second that the counts belong to.
    var second: UInt64 = 0
    var written = 0
    /// Lines by client range. It has at most three entries for each line.
    var byRange: [AddressRange: Int] = [:]
    /// Lines of all clients without an address.
    var ofNobody = 0
    var omitted = 0
  }

  /// - Parameters:
  ///   - total: lines per second.
  ///   - each: lines per second for one client: an IPv4 address or an IPv6 /64. A /56 has twice as many, a /48 four
  ///     times.
  ///   - now: the monotonic clock. Nanoseconds.
  init(total: Int, each: Int, now: @escaping @Sendable () -> UInt64 = { Clock.monotonicNanoseconds }) {
    self.total = total
    self.each = each
    self.now = now
  }

  /// Asks for a line.
  /// - Parameter client: the address of the client that causes the line; nil if it has none.
  /// - Returns: nil if the line must be omitted. Otherwise the number of lines that were omitted in earlier seconds
  ///   and not reported yet.
  func take(for client: NetworkAddress?) -> Int? {
    let second = now() / 1_000_000_000
    let ranges = client?.clientRanges
    return state.withLock { state in
      var untold = 0
      if second != state.second {
        untold = state.omitted
        state = State(second: second)
      }
      let hasRoom =
        ranges?.allSatisfy { state.byRange[$0.range, default: 0] < each * $0.shares }
        ?? (state.ofNobody < each)
      guard state.written < total, hasRoom else {
        state.omitted += 1
        return nil
      }
      state.written += 1
      if ranges == nil { state.ofNobody += 1 }
      for (range, _) in ranges ?? [] { state.byRange[range, default: 0] += 1 }
      return untold
    }
  }
}
