import POSIX
import Synchronization

/// How many lines a second whoever causes them may have in the log of one process. What one client causes leaves room for
/// the lines of others, and nobody fills the disk.
final class LineBudget: Sendable {
  private let total: Int
  private let each: Int
  /// Nanoseconds since some fixed moment.
  private let now: @Sendable () -> UInt64
  private let state = Mutex(State())

  private struct State {
    /// The second that the counts are of.
    var second: UInt64 = 0
    var written = 0
    /// At most three times as many as there are lines.
    var byRange: [AddressRange: Int] = [:]
    /// Of clients without an address, together.
    var ofNobody = 0
    var omitted = 0
  }

  /// - Parameters:
  ///   - total: lines a second.
  ///   - each: lines a second for one client: an IPv4 address or an IPv6 /64. A /56 has twice as many, a /48 four times.
  init(total: Int, each: Int, now: @escaping @Sendable () -> UInt64 = { Clock.monotonicNanoseconds }) {
    self.total = total
    self.each = each
    self.now = now
  }

  /// Asks for a line.
  /// - Parameter client: whose request causes it.
  /// - Returns: nil where it is to be left out; else how many were left out before, in earlier seconds, and not told yet.
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
