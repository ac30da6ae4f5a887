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
    /// By network; clients without an address together. At most as many as there are lines.
    var byClient: [NetworkAddress?: Int] = [:]
    var omitted = 0
  }

  /// - Parameters:
  ///   - total: lines a second.
  ///   - each: lines a second for one network of clients.
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
    return state.withLock { state in
      var untold = 0
      if second != state.second {
        untold = state.omitted
        state = State(second: second)
      }
      let own = state.byClient[client?.network, default: 0]
      guard state.written < total, own < each else {
        state.omitted += 1
        return nil
      }
      state.written += 1
      state.byClient[client?.network] = own + 1
      return untold
    }
  }
}
