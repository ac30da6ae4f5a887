import POSIX

/// The time of day as far as records bear it out. A clock that is ahead would make every token look expired, and what is
/// dropped then never comes back.
enum RecordTime {
  private static let day = 86400.0
  /// How far the clock may be beyond the newest record before it is refused: an installation may be idle. Seconds.
  static let refused = 30 * day
  /// How far it is believed. A revoked refresh token is good for days, so less than that. Seconds.
  static let believed = day

  /// The time to judge by: the clock's, but no later than a day after the newest record.
  /// - Parameters:
  ///   - newest: when that was written, seconds since 1970; nil where no record tells.
  ///   - force: believe the clock.
  /// - Throws: ``StoreError`` where the clock is more than 30 days beyond it.
  static func now(_ clock: Clock, newest: Double?, force: Bool) throws -> Double {
    let now = clock.now
    guard let newest, !force else { return now }
    if now > newest + refused {
      let days = Int(exactly: ((now - newest) / day).rounded(.down)) ?? .max
      throw StoreError(
        "the clock is \(days) days ahead of the newest record; nothing is removed. "
          + "Set the clock, or use --force if it is right")
    }
    return min(now, newest + believed)
  }
}
