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
  /// A client's share is one of so many parts; a /56 and a /48 network have more than one.
  private static let parts = 16
  /// What a client may have in any case.
  private static let minimum = 16
  /// How many ranges are counted at once; the clients of others aren't refused. A range takes some 60 bytes.
  private static let maximumRanges = 65536

  /// Nanoseconds.
  private let lifetime: UInt64
  private let state = Mutex(State())

  private struct State {
    /// Which lifetime since the start of the clock the counts are of.
    var period: UInt64 = 0
    var current: [AddressRange: Int] = [:]
    var previous: [AddressRange: Int] = [:]
    var total = (current: 0, previous: 0)

    mutating func begin(_ period: UInt64) {
      guard period != self.period else { return }
      let isNext = period == self.period + 1
      previous = isNext ? current : [:]
      total = (0, isNext ? total.current : 0)
      current = [:]
      self.period = period
    }

    func count(_ range: AddressRange) -> Int { current[range, default: 0] + previous[range, default: 0] }
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
    guard let client else { return true }
    let ranges = client.clientRanges
    let period = Clock.monotonicNanoseconds / lifetime
    return state.withLock { state in
      state.begin(period)
      let total = state.total.current + state.total.previous
      func hasRoom(_ range: AddressRange, _ shares: Int) -> Bool {
        state.count(range) < max(Self.minimum, total / Self.parts) * shares
      }
      guard load < Self.threshold || ranges.allSatisfy(hasRoom) else { return false }
      state.total.current += 1
      for (range, _) in ranges
      where state.current.count < Self.maximumRanges || state.current[range] != nil {
        state.current[range, default: 0] += 1
      }
      return true
    }
  }

  /// Takes a challenge out of the count that was taken for a client and couldn't be made.
  func giveBack(for client: NetworkAddress?) {
    guard let client else { return }
    state.withLock { state in
      // The lifetime may have ended meanwhile, or the client not been counted.
      for (place, entry) in client.clientRanges.enumerated() {
        guard let count = state.current[entry.range], count > 0 else { continue }
        state.current[entry.range] = count > 1 ? count - 1 : nil
        if place == 0 { state.total.current -= 1 }
      }
    }
  }
}
