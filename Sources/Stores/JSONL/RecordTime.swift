import POSIX

/// The time of day, limited by the newest record. A clock that is ahead makes every token look expired, and
/// what is dropped then can't be restored.
enum RecordTime {
  private static let day = 86400.0
  /// How far the clock may be ahead of the newest record. It is long because an installation may be idle.
  /// Seconds.
  static let refused = 30 * day
  /// How far the clock is trusted beyond the newest record. It is short because a revoked refresh token is
  /// valid for days. Seconds.
  static let trusted = day

  /// The time by which expiry is judged: the clock's, but no later than a day after the newest record.
  /// - Parameters:
  ///   - clock: the time of day.
  ///   - newest: when the newest record was written, seconds since 1970; nil if no record tells.
  ///   - force: trusts the clock in any case.
  /// - Throws: ``StoreError`` if the clock is more than 30 days ahead of the newest record.
  static func now(_ clock: Clock, newest: Double?, force: Bool) throws -> Double {
    let now = clock.now
    guard let newest, !force else { return now }
    if now > newest + refused {
      let days = Int(exactly: ((now - newest) / day).rounded(.down)) ?? .max
      throw StoreError(
        "the clock is \(days) days ahead of the newest record; nothing is removed. "
          + "Set the clock, or use --force if it is right")
    }
    return min(now, newest + trusted)
  }
}
