/// What failed attempts are counted for: an account, an address, or both together.
public struct ThrottleSubject: Sendable, Hashable {
  /// The kind of a subject. A store keeps the kinds apart: however many subjects of one kind there are, those of another
  /// kind stay.
  public enum Kind: String, Sendable, CaseIterable {
    /// The account that somebody tries to sign in to. It need not exist.
    case account
    /// A range of addresses that one client may own.
    case address
    /// An account, and a range of addresses from which somebody has signed in to it.
    case known
    /// A range of addresses, for the fleet secret.
    case fleet
  }

  public let kind: Kind
  /// The account or the range. A store compares all of its bytes, and may keep only the beginning for display.
  public let name: String

  public init(_ kind: Kind, _ name: String) {
    self.kind = kind
    self.name = name
  }
}

/// How many failed attempts a subject may have, and how fast.
public struct ThrottleLimit: Sendable, Equatable {
  public let subject: ThrottleSubject
  /// How many attempts may fail without a delay. 1 to 65535.
  public let free: Int
  /// The longest delay, and the time in which one failure is forgotten. So in the long run, one attempt in this time is
  /// admitted. Seconds, 1 to 65535.
  public let interval: Int

  public init(_ subject: ThrottleSubject, free: Int, interval: Int) {
    self.subject = subject
    self.free = free
    self.interval = interval
  }

  /// How often a delay of 1 s doubles until it is as long as the interval.
  fileprivate var doublings: Int { (0..<16).first { 1 << $0 >= interval } ?? 16 }
}

/// The failed attempts of one subject.
public struct ThrottleCount: Sendable, Equatable {
  /// How many attempts have failed, less what is forgotten.
  public private(set) var failures: Double
  /// When the last one failed. Seconds since 1970, with a fraction.
  public private(set) var lastFailure: Double

  /// How many failures of attempts that were admitted together count. More aren't hashed at once.
  private static let mostTogether = 1000.0

  public init(failures: Double = 0, lastFailure: Double = 0) {
    self.failures = failures
    self.lastFailure = lastFailure
  }

  /// The failures as a whole number, so that what is forgotten between two quick attempts gives no further one.
  private var whole: Int { Int(failures.rounded()) }

  /// Whether the next attempt may come only after a delay.
  public func isBeyond(_ limit: ThrottleLimit) -> Bool { whole >= limit.free }

  /// The time from the last failure to the next attempt: none, then 1 s, 2 s, 4 s, up to the interval. Seconds.
  public func delay(_ limit: ThrottleLimit) -> Double {
    guard isBeyond(limit) else { return 0 }
    let doublings = min(whole - limit.free, limit.doublings)
    return min(Double(1 << doublings), Double(limit.interval))
  }

  /// How long the next attempt still has to wait. Seconds.
  /// - Parameter now: seconds since 1970. If the clock was set back since the last failure, the whole delay is left.
  public func wait(_ limit: ThrottleLimit, at now: Double) -> Double {
    max(0, delay(limit) - max(0, now - lastFailure))
  }

  /// What isn't forgotten of the failures. Forgetting begins after the delay.
  public func remaining(_ limit: ThrottleLimit, at now: Double) -> Double {
    max(0, failures - max(0, now - lastFailure - delay(limit)) / Double(limit.interval))
  }

  /// Counts a failed attempt.
  public mutating func add(_ limit: ThrottleLimit, at now: Double) {
    // An attempt that fails during a delay was admitted together with others. All of these count, so that many at once
    // give no more guesses in the long run. Others beyond the longest delay would only take time to be forgotten.
    let isTogether = wait(limit, at: now) > 0
    let enough = isTogether ? Self.mostTogether : Double(limit.free + limit.doublings)
    let left = remaining(limit, at: now)
    failures = max(left, min(left + 1, enough))
    lastFailure = now
  }

  /// Takes back a failure that was counted before the attempt succeeded.
  public mutating func takeBack() { failures = max(0, failures - 1) }

  /// Sets the last failure to now if it is in the future, because the clock was set back. Otherwise a delay would last
  /// until the clock is there again.
  public mutating func correct(at now: Double) { lastFailure = min(lastFailure, now) }
}

/// An attempt that a store has admitted.
public struct ThrottleTicket: Sendable {
  /// The limits that the attempt was admitted by.
  public let limits: [ThrottleLimit]
  /// Which of them have counted the attempt as failed already.
  public let isCounted: [Bool]

  public init(limits: [ThrottleLimit], isCounted: [Bool]) {
    self.limits = limits
    self.isCounted = isCounted
  }

  /// The limits that haven't counted the attempt.
  public var uncounted: [ThrottleLimit] { zip(limits, isCounted).filter { !$1 }.map(\.0) }
  /// The limits that have.
  public var counted: [ThrottleLimit] { zip(limits, isCounted).filter { $1 }.map(\.0) }
}

/// What a store knows of a subject, for people.
public struct ThrottleEntry: Sendable {
  /// The name may be cut.
  public let subject: ThrottleSubject
  /// How many attempts have failed, less what is forgotten.
  public let failures: Double
  /// Seconds since 1970, with a fraction.
  public let lastFailure: Double
  /// How long the next attempt still has to wait. Seconds.
  public let wait: Double

  public init(subject: ThrottleSubject, failures: Double, lastFailure: Double, wait: Double) {
    self.subject = subject
    self.failures = failures
    self.lastFailure = lastFailure
    self.wait = wait
  }
}
