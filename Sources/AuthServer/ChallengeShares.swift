import POSIX
import Synchronization

/// Keeps one client from taking all pending challenges. While many are pending, a client that has taken more than its
/// share gets no more.
///
/// A process counts the challenges that it gave out itself in the last one to two lifetimes of a challenge. A share
/// is a fraction of that count, not of the store's limit, so the rule is the same for any number of processes.
final class ChallengeShares: Sendable {
  /// The fraction of the store's limit that must be pending before a client is refused.
  static let threshold = 0.5
  /// A client's share is 1/16 of the count. A /56 network has two shares and a /48 network four: see
  /// ``NetworkAddress/clientRanges``.
  private static let parts = 16
  /// The smallest share. Challenges.
  private static let minimum = 16
  /// The most ranges that are counted in one lifetime. Clients of other ranges aren't refused. A range takes about 60
  /// bytes.
  private static let maximumRanges = 65536

  /// The lifetime of a challenge. Nanoseconds.
  private let lifetime: UInt64
  private let state = Mutex(State())

  private struct State {
    /// The number of the lifetime that `current` counts, from the start of the monotonic clock.
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

  /// - Parameter lifetime: the lifetime of a challenge. Seconds.
  init(lifetime: Int) {
    self.lifetime = UInt64(lifetime) * 1_000_000_000
  }

  /// Counts a challenge for a client, unless the client has taken its share.
  /// - Parameters:
  ///   - client: the client's address; nil if it has none. Such clients can't be told apart, and are never refused
  ///     here.
  ///   - load: the fraction of the store's limit that is pending.
  /// - Returns: whether the client may have a challenge.
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

  /// Takes back a count, if the challenge couldn't be made.
  func giveBack(for client: NetworkAddress?) {
    guard let client else { return }
    state.withLock { state in
      // The lifetime may have ended meanwhile, or ``take(for:load:)`` may not have counted the range.
      for (place, entry) in client.clientRanges.enumerated() {
        guard let count = state.current[entry.range], count > 0 else { continue }
        state.current[entry.range] = count > 1 ? count - 1 : nil
        if place == 0 { state.total.current -= 1 }
      }
    }
  }
}
