import POSIX
import Synchronization

/// Keeps one client from taking all the challenges there may be: while many are pending, a client that asked for more than its
/// share gets no more.
///
/// A process counts what it gave out itself, in the last one to two lifetimes of a challenge. A share is a part of that
/// count, not of the store's limit, so it is the same rule for any number of processes.
final class ChallengeShares: Sendable {
  /// Which part of the limit must be pending before anybody is refused.
  static let threshold = 0.5
  /// A client's share is one of so many parts.
  private static let parts = 16
  /// What a client may have in any case.
  private static let minimum = 16
  /// How many clients are counted at once; others aren't refused. A client takes some 50 bytes.
  private static let maximumClients = 65536

  /// Nanoseconds.
  private let lifetime: UInt64
  private let state = Mutex(State())

  private struct State {
    /// Which lifetime since the start of the clock the counts are of.
    var period: UInt64 = 0
    var current: [NetworkAddress: Int] = [:]
    var previous: [NetworkAddress: Int] = [:]
    var total = (current: 0, previous: 0)
  }

  /// - Parameter lifetime: of a challenge. Seconds.
  init(lifetime: Int) {
    self.lifetime = UInt64(lifetime) * 1_000_000_000
  }

  /// Counts a challenge for a client, unless it has had its share.
  /// - Parameters:
  ///   - client: nil where it has no address: such clients aren't told apart, and never refused here.
  ///   - load: which part of all the challenges there may be is pending.
  /// - Returns: whether it may have one.
  func take(for client: NetworkAddress?, load: Double) -> Bool {
    guard let client = client?.network else { return true }
    let period = Clock.monotonicNanoseconds / lifetime
    return state.withLock { state in
      if period != state.period {
        let isNext = period == state.period + 1
        state.previous = isNext ? state.current : [:]
        state.total = (0, isNext ? state.total.current : 0)
        state.current = [:]
        state.period = period
      }
      let own = state.current[client, default: 0] + state.previous[client, default: 0]
      let share = max(Self.minimum, (state.total.current + state.total.previous) / Self.parts)
      guard load < Self.threshold || own < share else { return false }
      state.total.current += 1
      if state.current.count < Self.maximumClients || state.current[client] != nil {
        state.current[client, default: 0] += 1
      }
      return true
    }
  }

  /// Takes a challenge out of the count that was taken for a client and couldn't be made.
  func giveBack(for client: NetworkAddress?) {
    guard let client = client?.network else { return }
    state.withLock { state in
      // The lifetime may have ended meanwhile, or the client not been counted.
      guard let count = state.current[client], count > 0 else { return }
      state.current[client] = count > 1 ? count - 1 : nil
      state.total.current -= 1
    }
  }
}
